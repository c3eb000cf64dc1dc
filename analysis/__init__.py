"""Pure functions from a `Trace`, weights or a model to a frozen result."""
