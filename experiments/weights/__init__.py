"""Somebody's checkpoint: the recurrent layers in it, in torch's names, whichever program wrote it."""

from experiments.weights.found import FoundStack
from experiments.weights.read import choose_stack, read_weights, stacks_of

__all__ = ["FoundStack", "choose_stack", "read_weights", "stacks_of"]
