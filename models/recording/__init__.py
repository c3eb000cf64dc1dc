"""Recordings: the record of one layer, the trace of a whole network, and the function that makes them."""
