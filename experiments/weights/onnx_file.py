"""Recurrent nodes of an ONNX graph: `W` [direction, gates · unit, input], `R` and `B` [direction, 2 · gates · unit].

The gates are i o f c, and z r h; `linear_before_reset` is Keras's `reset_after`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.reading import UnreadableError, read_bounded
from experiments.weights.blocks import ONNX_ORDER, in_torch_order
from experiments.weights.found import MOST_NUMBERS, FoundStack
from experiments.weights.torch_file import MOST_BYTES

CELL_OF_NODE = {"RNN": "elman", "LSTM": "lstm", "GRU": "gru"}
ACTIVATIONS = {"elman": ["Tanh"], "lstm": ["Sigmoid", "Tanh", "Tanh"], "gru": ["Sigmoid", "Tanh"]}
ENDS = {(1,): ("",), (2,): ("", "_reverse")}
"""Directions of a weight → the ends of torch's names."""
NONLINEARITIES = {"Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid", "Affine": "identity"}


def read_onnx(path: Path) -> list[FoundStack]:
    """Every recurrent node; each is a stack of one layer.

    Raises:
        ConfigError: onnx is missing; the file is damaged, or keeps data in other files; or the lab has no cell for a
            node.
    """
    try:
        import onnx  # an extra of its own: only an ONNX file needs it
    except ImportError:
        raise ConfigError("an ONNX file needs the package onnx; install it with `pip install onnx`.") from None
    try:
        model = onnx.load_model_from_string(read_bounded(path, MOST_BYTES))
    except UnreadableError as error:
        raise ConfigError(f"the file is {error.strerror}; choose a smaller one.") from None
    except Exception:  # protobuf's DecodeError, which onnx does not export
        raise ConfigError(
            "the file is no torch checkpoint, safetensors file, Keras model or ONNX graph; choose another file."
        ) from None
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type in CELL_OF_NODE]
    return [stack_of(node, tensors, onnx) for node in nodes]


def stack_of(node: Any, tensors: Mapping[str, Any], onnx: Any) -> FoundStack:
    """One node in torch's names."""
    name, cell = node.name or next(iter(node.output), ""), CELL_OF_NODE[node.op_type]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    check_attributes(name, attributes)
    W, R, B = (
        values_of(tensors[node.input[k]], name, onnx) if len(node.input) > k and node.input[k] in tensors else None
        for k in (1, 2, 3)
    )
    if W is None or R is None:
        raise ConfigError(f"layer {shortened(name)} has no weights in the file; export it with its parameters.")
    if len(node.input) > 7 and node.input[7]:
        raise ConfigError(f"layer {shortened(name)} has peepholes; the lab reads an LSTM without them.")
    options, said = options_of(name, cell, attributes)
    weights: dict[str, torch.Tensor] = {}
    try:
        biases = [None] * len(W) if B is None else B
        for end, w, r, b in zip(ENDS[W.shape[:-2]], W, R, biases, strict=True):
            parts = {"weight_ih": w, "weight_hh": r}
            if b is not None:
                parts["bias_ih"], parts["bias_hh"] = np.split(b, 2)
            for kind, rows in parts.items():
                ordered = in_torch_order(rows, cell, ONNX_ORDER[cell])
                weights[f"{kind}_l0{end}"] = torch.from_numpy(np.ascontiguousarray(ordered))
    except (ValueError, IndexError, KeyError, TypeError):
        raise ConfigError(f"layer {shortened(name)} has weights that do not fit each other; export it again.") from None
    return FoundStack(name, cell, weights, said, options)


def check_attributes(name: str, attributes: Mapping[str, Any]) -> None:
    """Raise a ConfigError for attributes that change a node's numbers and that the lab's cells do not have."""
    if attributes.get("direction") == b"reverse":
        raise ConfigError(f"layer {shortened(name)} reads backwards only; choose a layer that reads forwards.")
    for other in ("clip", "input_forget"):
        if attributes.get(other):
            given = shortened(attributes[other])
            raise ConfigError(f"layer {shortened(name)} has {other}={given}; the lab has no such cell.")


def options_of(name: str, cell: str, attributes: Mapping[str, Any]) -> tuple[dict[str, object], str]:
    """The cell's options, and the convention of its reset in words.

    Raises:
        ConfigError: activations that the lab does not have.
    """
    listed = attributes.get("activations") or [word.encode() for word in ACTIVATIONS[cell]]
    given = [a.decode(errors="replace") for a in listed] if is_words(listed) else []
    known = len(set(given)) == 1 and given[0] in NONLINEARITIES if cell == "elman" else (
        given in (ACTIVATIONS[cell], 2 * ACTIVATIONS[cell])
    )  # fmt: skip
    if not known or (given[0] == "Affine" and not is_identity(attributes)):
        words = shortened(", ".join(given) if given else listed)
        raise ConfigError(f"layer {shortened(name)} has the activations {words}; the lab has no such cell.")
    if cell == "elman":
        return {"nonlinearity": NONLINEARITIES[given[0]]}, "ONNX's RNN"
    if cell == "gru":
        reset_after = bool(attributes.get("linear_before_reset", 0))
        return {"reset_after": reset_after}, f"ONNX's order z r h, linear_before_reset={int(reset_after)}"
    return {}, "ONNX's order i o f c"


def is_words(listed: object) -> bool:
    """Whether an attribute holds texts, as ONNX keeps them."""
    return isinstance(listed, list) and all(isinstance(a, bytes) for a in listed)


def is_identity(attributes: Mapping[str, Any]) -> bool:
    """Whether alpha · x + beta is x."""
    alpha, beta = (attributes.get(f"activation_{name}", []) for name in ("alpha", "beta"))
    return alpha in ([], [1.0], [1.0, 1.0]) and beta in ([], [0.0], [0.0, 0.0])


def values_of(tensor: Any, name: str, onnx: Any) -> Float[ndarray, "..."]:
    """The numbers of an initializer.

    Raises:
        ConfigError: they are in another file, too many, or not floating point.
    """
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ConfigError(f"layer {shortened(name)} keeps its weights in another file; export them into one file.")
    if any(size < 1 for size in tensor.dims) or np.prod([float(size) for size in tensor.dims]) > MOST_NUMBERS:
        raise ConfigError(
            f"layer {shortened(name)} has weights of {list(tensor.dims)}; at most {MOST_NUMBERS} are read."
        )
    try:
        values = np.asarray(onnx.numpy_helper.to_array(tensor))
    except Exception:  # onnx raises what its readers raise: ValueError, TypeError, KeyError, RuntimeError, …
        raise ConfigError(f"layer {shortened(name)} has damaged weights; export it again.") from None
    if values.dtype.kind != "f" and values.dtype.name != "bfloat16":  # a type of the package ml_dtypes
        raise ConfigError(f"layer {shortened(name)} has weights of {values.dtype}; only floating point is read.")
    return values.astype(np.float64 if values.dtype == np.float64 else np.float32)
