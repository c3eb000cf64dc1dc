"""From a configuration to trained weights, in memory: this package reads and writes no files."""
