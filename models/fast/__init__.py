"""The same pass as `models.bptt`, compiled: forward, backward and everything that a Trace holds, for a CPU."""
