"""A checkpoint: one safetensors file with all tensors, and the rest as JSON in its header. No pickle."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from experiments.store.errors import DamagedRunError
from experiments.store.files import read_small

CHECKPOINTS = "checkpoints"
LARGEST_CHECKPOINT = 2**34


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


def checkpoint_name(step: int) -> str:
    """The file of the checkpoint taken after a step."""
    return f"step-{step:08d}.safetensors"


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The file's content."""
    tensors = {key: tensor.detach().contiguous() for key, tensor in checkpoint.tensors.items()}
    return save(tensors, metadata={"values": orjson.dumps(checkpoint.values).decode()})


def load_checkpoint(folder: Path, name: str, crc32: int) -> Checkpoint:
    """The checkpoint of that name.

    Raises:
        DamagedRunError: missing, or not what was written.
    """
    relative = f"{CHECKPOINTS}/{name}"
    content = read_small(folder, relative, LARGEST_CHECKPOINT)
    try:
        if zlib.crc32(content) != crc32:
            raise ValueError
        header = orjson.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return Checkpoint(load(content), orjson.loads(header["__metadata__"]["values"]))
    except (SafetensorError, KeyError, ValueError):
        raise DamagedRunError(
            f"{relative!r} in {str(folder)!r} is damaged, so the run cannot be resumed; its records can be read."
        ) from None


def generator_states(generators: dict[str, torch.Generator]) -> dict[str, Tensor]:
    """`generator.NAME` → state, uint8."""
    return {f"generator.{name}": generator.get_state() for name, generator in generators.items()}
