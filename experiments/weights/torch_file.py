"""Tensors of a torch checkpoint or of a safetensors file, by name; nothing of the file is executed."""

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from experiments.errors import ConfigError

MOST_BYTES = 2**31
"""Most bytes of a file, and of its content after unpacking."""
DEEPEST = 4
"""Dictionaries within dictionaries: `{"model": {"state_dict": …}}`."""


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file.

    Raises:
        ConfigError: it is damaged, or its tensors are too large.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except (SafetensorError, RuntimeError, OSError, ValueError):
        raise ConfigError("the file is not a complete safetensors file; save it again.") from None


def read_torch(path: Path, most: int = MOST_BYTES) -> dict[str, Tensor]:
    """All tensors of what `torch.save` has written, names of nested dictionaries joined by dots.

    Raises:
        ConfigError: it holds more than tensors and plain values, is damaged, or would unpack to too much.
    """
    if zipfile.is_zipfile(path):
        check_unpacked(path, most)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ConfigError(
            "the file holds Python objects, which are not loaded; save the model's state_dict instead."
        ) from None
    except Exception:  # torch raises what its readers raise: RuntimeError, EOFError, KeyError, UnicodeDecodeError, …
        raise ConfigError("the file is not a complete torch checkpoint; save it again.") from None
    return dict(tensors_in(content))


def check_unpacked(path: Path, most: int = MOST_BYTES) -> None:
    """Raise a ConfigError where a zip file says that it unpacks to more than `most` bytes."""
    try:
        with zipfile.ZipFile(path) as file:
            unpacked = sum(entry.file_size for entry in file.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ConfigError("the file is not a complete zip file; save it again.") from None
    if unpacked > most:
        raise ConfigError(f"the file unpacks to {unpacked} bytes; at most {most} are read.")


def tensors_in(content: object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of nested dictionaries, by its dotted name."""
    if isinstance(content, Tensor):
        # A view with strides of 0 claims any number of entries without having them.
        if not is_dense(content) or content.numel() * content.element_size() <= content.untyped_storage().nbytes():
            yield prefix, content
    elif isinstance(content, Mapping) and depth < DEEPEST:
        for name, value in content.items():
            yield from tensors_in(value, f"{prefix}.{name}" if prefix else str(name), depth + 1)


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor has all its numbers in memory: it is not sparse, nested, quantised or without content."""
    return tensor.layout is torch.strided and not (tensor.is_nested or tensor.is_quantized or tensor.is_meta)


def is_torch_file(start: bytes, path: Path) -> bool:
    """Whether a file is what `torch.save` writes: a zip file with a `data.pkl`, or a pickle of the old form."""
    if start.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as file:
                return any(name.endswith("data.pkl") for name in file.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return True  # `read_torch` says what is wrong with it
    return start.startswith(b"\x80")


__all__ = ["MOST_BYTES", "check_unpacked", "is_dense", "is_torch_file", "read_safetensors", "read_torch"]
