"""Copies of what a watched call used, since its trace is made later: a training may have changed it by then."""

import torch
from torch import Tensor


class Copies:
    """Copies of weights, one for all calls between two changes: a single cell is called at each timestep."""

    def __init__(self) -> None:
        self._made: dict[str, Tensor] = {}

    def copied(self, name: str, weight: Tensor) -> Tensor:
        """The weight as it is now. What is computed for one call, such as a parametrized weight, nobody changes."""
        if not weight.is_leaf and weight._base is None:
            return weight.detach()
        copy = self._made.get(name)
        if copy is None or copy.shape != weight.shape or not torch.equal(copy, weight.detach()):
            copy = self._made[name] = weight.detach().clone()
        return copy

    def forget(self) -> None:
        """A step is over: until the next recorded one, no copy is needed."""
        self._made.clear()


def own(x: Tensor, of: Tensor) -> Tensor:
    """A tensor that shares no memory with `of`, which may be changed later: itself, or a copy."""
    return x.clone() if x.untyped_storage().data_ptr() == of.untyped_storage().data_ptr() else x
