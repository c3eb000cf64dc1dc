"""Copies of what a watched call used, since its trace is made later: a training may have changed it by then."""

from torch import Tensor


class Copies:
    """Copies of weights, one for all calls between two changes: a single cell is called at each timestep."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Tensor, int, Tensor]] = {}

    def copied(self, name: str, weight: Tensor) -> Tensor:
        """The weight as it is now. What is computed for one call, such as a parametrized weight, nobody changes."""
        if not weight.is_leaf:
            return weight.detach()
        source, version, copy = self._made.get(name, (None, -1, weight))
        if source is not weight or version != version_of(weight):
            copy = weight.detach().clone()
            self._made[name] = weight, version_of(weight), copy
        return copy

    def forget(self) -> None:
        """A step is over: what changes without autograd's knowledge, through `.data`, changes between steps."""
        self._made.clear()


def version_of(tensor: Tensor) -> int:
    """How often the tensor was changed in place, as far as autograd knows; −1 where it does not count."""
    return -1 if tensor.is_inference() else tensor._version


def own(x: Tensor, of: Tensor) -> Tensor:
    """A tensor that shares no memory with `of`, which may be changed later: itself, or a copy."""
    return x.clone() if x.untyped_storage().data_ptr() == of.untyped_storage().data_ptr() else x
