"""The same passes as `models.bptt.recursion`, compiled for a CPU."""
