"""The state of a training between two steps, as tensors and plain values; it knows no files."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything that the next step depends on."""

    tensors: dict[str, Tensor]
    """`model.…`, `optimiser.…`, and generator states (uint8) `generator.…`."""
    values: dict[str, object]
    """Whatever JSON can hold."""

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name.`, without it."""
        start = f"{name}."
        return {key.removeprefix(start): tensor for key, tensor in self.tensors.items() if key.startswith(start)}


def generator_states(generators: dict[str, torch.Generator]) -> dict[str, Tensor]:
    """`generator.NAME` → state, uint8."""
    return {f"generator.{name}": generator.get_state() for name, generator in generators.items()}
