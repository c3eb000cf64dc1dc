"""Recurrent layers of a Keras model: a `.keras` file, or HDF5 with a model or with weights only.

Keras keeps `kernel` [input, gates · unit], `recurrent_kernel` and `bias`; its gates are i f c o, and z r h. A GRU with
`reset_after` has two biases, [2, 3 · unit]; one without has one.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.weights.blocks import KERAS_ORDER, in_torch_order
from experiments.weights.found import MOST_NUMBERS, FoundStack
from experiments.weights.torch_file import MOST_BYTES, check_unpacked

CELL_OF_CLASS = {"SimpleRNN": "elman", "LSTM": "lstm", "GRU": "gru"}
CELL_OF_BLOCKS = {1: "elman", 3: "gru", 4: "lstm"}
NONLINEARITIES = {"tanh": "tanh", "relu": "relu", "linear": "identity", "sigmoid": "sigmoid"}
LARGEST_CONFIG = 2**24
BYTES_OF_NUMBER = 8
NAMES = ("kernel", "recurrent_kernel", "bias")
WEIGHT = re.compile(r"(?P<cell>.+?)/(?:vars/(?P<index>[012])|(?P<name>kernel|recurrent_kernel|bias)(?::0)?)")


@dataclass(frozen=True, eq=False)
class KerasLayer:
    """One direction of one layer, as Keras keeps it."""

    kernel: Float[ndarray, "input row"]
    recurrent_kernel: Float[ndarray, "hidden row"]
    bias: Float[ndarray, "*bias row"] | None


def read_keras(path: Path, most: int = MOST_BYTES) -> list[FoundStack]:
    """Every recurrent layer; each is a stack of one layer.

    Raises:
        ConfigError: h5py is missing; the file is damaged, links out of itself or is too large; or a layer has an
            activation that the lab does not have.
    """
    content, config = unpacked(path, most)
    groups: dict[str, dict[str, Float[ndarray, ...]]] = {}
    names: dict[str, str] = {}
    with open_hdf5(content) as file:
        config = config or legacy_config(file)
        settings = dict(recurrent_settings(config))
        left = most_numbers = min(MOST_NUMBERS, most // BYTES_OF_NUMBER)
        for name, values in datasets(file, most_numbers):
            left -= values.size
            if left < 0:
                raise ConfigError(f"the file has more than {most_numbers} numbers; choose a smaller one.")
            if found := WEIGHT.fullmatch(name):
                kind = found["name"] or NAMES[int(found["index"])]
                groups.setdefault(found["cell"], {})[kind] = values
                names[found["cell"]] = layer_name(file, found["cell"])
    layers = {cell: KerasLayer(w["kernel"], w["recurrent_kernel"], w.get("bias")) for cell, w in groups.items()
              if w.keys() >= {"kernel", "recurrent_kernel"} and is_recurrent(w)}  # fmt: skip
    together: dict[str, dict[str, KerasLayer]] = {}
    for cell, layer in layers.items():
        direction = "_reverse" if "backward_" in cell else ""
        together.setdefault(names[cell], {})[direction] = layer
    return [stack_of(name, directions, settings.get(name, {})) for name, directions in together.items()]


def stack_of(name: str, directions: Mapping[str, KerasLayer], settings: Mapping[str, Any]) -> FoundStack:
    """A layer in torch's names."""
    if "" not in directions:
        raise ConfigError(f"layer {shortened(name)} has a reverse direction only; choose a layer that reads forwards.")
    if settings.get("go_backwards"):
        raise ConfigError(f"layer {shortened(name)} reads backwards; choose a layer that reads forwards.")
    first = directions[""]
    hidden = len(first.recurrent_kernel)
    cell = CELL_OF_BLOCKS[first.recurrent_kernel.shape[1] // hidden]
    options, said = options_of(name, cell, first, settings)
    weights: dict[str, Float[ndarray, ...]] = {}
    try:
        for end, layer in directions.items():
            weights[f"weight_ih_l0{end}"], weights[f"weight_hh_l0{end}"] = layer.kernel.T, layer.recurrent_kernel.T
            if layer.bias is not None:
                biases = layer.bias if layer.bias.ndim == 2 else layer.bias[None]
                kinds = ("bias_ih", "bias_hh")[: len(biases)]
                weights |= {f"{kind}_l0{end}": bias for kind, bias in zip(kinds, biases, strict=True)}
        ordered = {key: in_torch_order(value, cell, KERAS_ORDER[cell]) for key, value in weights.items()}
    except (ValueError, IndexError):
        raise ConfigError(f"layer {shortened(name)} has weights that do not fit each other; save it again.") from None
    tensors = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in ordered.items()}
    return FoundStack(name, cell, tensors, said, options)


def options_of(name: str, cell: str, layer: KerasLayer, settings: Mapping[str, Any]) -> tuple[dict[str, object], str]:
    """The cell's options, and the convention in words.

    Raises:
        ConfigError: an activation that the lab does not have.
    """
    activation = settings.get("activation", "tanh")
    allowed = NONLINEARITIES if cell == "elman" else {"tanh": "tanh"}
    gates = settings.get("recurrent_activation", "sigmoid")
    known = isinstance(activation, str) and activation in allowed  # a function of one's own is a dictionary there
    if not known or gates != "sigmoid":
        given = gates if known else activation
        raise ConfigError(f"layer {shortened(name)} has the activation {shortened(given)}; the lab has no such cell.")
    if cell == "elman":
        return {"nonlinearity": NONLINEARITIES[activation]}, "Keras's SimpleRNN"
    if cell == "gru":
        reset_after = bool(settings.get("reset_after", layer.bias is None or layer.bias.ndim == 2))
        return {"reset_after": reset_after}, f"Keras's order z r h, reset_after={reset_after}"
    return {}, "Keras's order i f c o"


def is_recurrent(weights: Mapping[str, Float[ndarray, "..."]]) -> bool:
    """Whether the shapes are those of a recurrent cell, and not of a convolution or of attention."""
    kernel, recurrent = weights["kernel"], weights["recurrent_kernel"]
    if kernel.ndim != 2 or recurrent.ndim != 2 or 0 in recurrent.shape or kernel.shape[1] != recurrent.shape[1]:
        return False
    return recurrent.shape[1] % len(recurrent) == 0 and recurrent.shape[1] // len(recurrent) in CELL_OF_BLOCKS


def unpacked(path: Path, most: int = MOST_BYTES) -> tuple[io.BytesIO | Path, Mapping[str, Any]]:
    """The HDF5 content of a file, and the model's configuration where a zip file has one beside it.

    Raises:
        ConfigError: no whole `.keras` file.
    """
    if not zipfile.is_zipfile(path):
        return path, {}
    check_unpacked(path, most)
    try:
        with zipfile.ZipFile(path) as file:
            if file.getinfo("config.json").file_size > LARGEST_CONFIG:
                raise KeyError("config.json")  # none of ours is so large
            config = json.loads(file.read("config.json"))
            return io.BytesIO(file.read("model.weights.h5")), config if isinstance(config, dict) else {}
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, RecursionError, NotImplementedError, RuntimeError):
        raise ConfigError("the file is not a complete .keras file; save the model again.") from None


def open_hdf5(content: io.BytesIO | Path) -> Any:
    """An open HDF5 file.

    Raises:
        ConfigError: h5py is missing, or the file is damaged.
    """
    try:
        import h5py  # an extra of its own: only a Keras file needs it
    except ImportError:
        raise ConfigError("a Keras file needs the package h5py; install it with `pip install h5py`.") from None
    try:
        return h5py.File(content, "r")
    except (OSError, ValueError, RuntimeError):
        raise ConfigError("the file is not a complete HDF5 file; save the model again.") from None


def datasets(
    group: Any, most: int = MOST_NUMBERS, prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, Float[ndarray, "..."]]]:
    """Every array of numbers in a file, by its path; nothing is followed out of the file.

    Raises:
        ConfigError: a link to another file or place, data outside, or an array that is too large or damaged.
    """
    import h5py

    if depth > 32:
        raise ConfigError("the file has too many groups inside each other; choose another file.")
    try:
        for name in group:
            path = f"{prefix}/{name}" if prefix else name
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ConfigError(f"{shortened(path)} is a link to another file; save the whole model again.")
            item = group[name]
            if isinstance(item, h5py.Group):
                yield from datasets(item, most, path, depth + 1)
            elif isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
                if item.external or item.is_virtual:
                    raise ConfigError(f"{shortened(path)} keeps its data in another file; save the whole model again.")
                if item.size is None or item.size > most:
                    raise ConfigError(f"{shortened(path)} has {item.size} numbers; at most {most} are read.")
                yield path, np.asarray(item[()], np.float64 if item.dtype.itemsize > 4 else np.float32)
    except ConfigError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, MemoryError):
        raise ConfigError("the file is damaged; save the model again.") from None


def layer_name(file: Any, cell: str) -> str:
    """The layer's name as the model has it; the folder's where the file does not say."""
    parts = [part for part in cell.split("/") if part not in ("layers", "model_weights")]
    top = parts[0] if parts else cell
    try:
        return str(file[f"layers/{top}/vars"].attrs["name"])
    except (KeyError, OSError, RuntimeError, ValueError):
        return top


def legacy_config(file: Any) -> Mapping[str, Any]:
    """The model's configuration that an HDF5 file of a whole model carries."""
    text = file.attrs.get("model_config", "{}")
    try:
        config = json.loads(text) if len(text) <= LARGEST_CONFIG else {}
    except (ValueError, TypeError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def recurrent_settings(config: object, depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Layer name → settings of every recurrent layer, those within `Bidirectional` under its name."""
    if isinstance(config, list):
        for part in config:
            yield from recurrent_settings(part, depth + 1)
    if not isinstance(config, dict) or depth > 64:
        return
    inner, kind = config.get("config"), config.get("class_name")
    if isinstance(inner, dict) and isinstance(kind, str) and kind in CELL_OF_CLASS:
        yield str(inner.get("name")), inner
    elif isinstance(inner, dict) and kind == "Bidirectional":
        layer = inner.get("layer")
        if isinstance(layer, dict) and isinstance(layer.get("config"), dict):
            yield str(inner.get("name")), layer["config"]
    else:
        for part in config.values():
            yield from recurrent_settings(part, depth + 1)
