"""Cells: one folder each, their one interface, and the registry."""
