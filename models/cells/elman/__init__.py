"""The Elman RNN."""
