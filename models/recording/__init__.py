"""What is recorded: one layer's record, a trace of a whole network, and the function that makes it."""
