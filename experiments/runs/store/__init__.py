"""The run folder: what is committed is whole, can be read while it grows, and survives its writer."""
