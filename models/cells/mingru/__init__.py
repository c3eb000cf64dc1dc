"""The minimal GRU (minGRU)."""
