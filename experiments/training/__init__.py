"""From a configuration to trained weights, in memory: this package knows no files."""
