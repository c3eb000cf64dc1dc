"""The run folder: committed data is complete, can be read while it grows, and survives a killed writer."""
