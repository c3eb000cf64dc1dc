"""A checkpoint is one safetensors file: all tensors, and everything else as JSON in its header. No pickle."""

import zlib
from pathlib import Path

import orjson
from safetensors import SafetensorError
from safetensors.torch import load, save

from experiments.reading import size_of
from experiments.runs.store.errors import DamagedRunError
from experiments.runs.store.files import open_inside, read_small
from experiments.training.state import Checkpoint

CHECKPOINTS = "checkpoints"
LARGEST_CHECKPOINT = 2**32
"""Most bytes; a training with a larger state would need more memory than a recorded pass may have."""
BLOCK = 2**20


def checkpoint_name(step: int) -> str:
    """The file name of the checkpoint after a step."""
    return f"step-{step:08d}.safetensors"


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The file's content."""
    tensors = {key: tensor.detach().contiguous() for key, tensor in checkpoint.tensors.items()}
    return save(tensors, metadata={"values": orjson.dumps(checkpoint.values).decode()})


def load_checkpoint(folder: Path, name: str, crc32: int, limit: int = LARGEST_CHECKPOINT) -> Checkpoint:
    """Read the checkpoint with this name.

    Args:
        folder: the run's folder.
        name: the file's name.
        crc32: the checksum of its content in `progress.json`.
        limit: most bytes that it may have.

    Raises:
        DamagedRunError: missing, or not what was written.
        ForeignRunError: it has more bytes than `limit`, or leads out of the folder.
    """
    content = read_small(folder, f"{CHECKPOINTS}/{name}", limit)
    try:
        if zlib.crc32(content) != crc32:
            raise ValueError
        header = orjson.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        values = orjson.loads(header["__metadata__"]["values"])
        if not isinstance(values, dict):
            raise ValueError
        return Checkpoint(load(content), values)
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise damaged(folder, name) from None


def check_checkpoint(folder: Path, name: str, crc32: int) -> None:
    """Raise an error unless the checkpoint's bytes are the written ones; they are read in parts of 1 MiB.

    Raises:
        DamagedRunError: missing, or not what was written.
        ForeignRunError: it leads out of the folder, or is no regular file.
    """
    relative, seen = f"{CHECKPOINTS}/{name}", 0
    try:
        with open_inside(folder, relative) as file:
            if size_of(file) > LARGEST_CHECKPOINT:
                raise damaged(folder, name)
            while block := file.read(BLOCK):
                seen = zlib.crc32(block, seen)
    except FileNotFoundError:
        raise DamagedRunError(f"{relative!r} is missing in {str(folder)!r}.") from None
    if seen != crc32:
        raise damaged(folder, name)


def damaged(folder: Path, name: str) -> DamagedRunError:
    """The error for a checkpoint that differs from the written one."""
    relative = f"{CHECKPOINTS}/{name}"
    return DamagedRunError(
        f"{relative!r} in {str(folder)!r} is damaged, so the run cannot be resumed; its records can be read."
    )
