"""Exact backpropagation through time: numbers of any size, the recursion, and two engines."""
