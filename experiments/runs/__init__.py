"""Recorded runs: their folders, how they are written, read, steered, exported and drawn."""
