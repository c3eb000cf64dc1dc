"""The state of a training between two steps, as tensors and plain values, without files."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All data on which the next step depends."""

    tensors: dict[str, Tensor]
    """`model.…`, `optimiser.…`, and generator states (uint8) `generator.…`."""
    values: dict[str, object]
    """Values that JSON can hold."""

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name.`; this beginning is removed."""
        start = f"{name}."
        return {key.removeprefix(start): tensor for key, tensor in self.tensors.items() if key.startswith(start)}


def generator_states(generators: dict[str, torch.Generator]) -> dict[str, Tensor]:
    """`generator.NAME` → state, uint8."""
    return {f"generator.{name}": generator.get_state() for name, generator in generators.items()}
