"""Which program wrote a file, by its first bytes, and the recurrent layers in it."""

from pathlib import Path

from experiments.config.words import shortened, spelt_path
from experiments.errors import ConfigError
from experiments.reading import open_regular, size_of
from experiments.weights.found import FoundStack
from experiments.weights.torch_file import MOST_BYTES, is_torch_file, read_safetensors, read_torch
from experiments.weights.torch_names import find_stacks

HDF5 = b"\x89HDF\r\n\x1a\n"


def read_weights(path: Path) -> list[FoundStack]:
    """Every recurrent layer of a torch checkpoint, a safetensors file, a Keras model or an ONNX graph.

    Nothing in the file is executed, nothing outside of it is opened.

    Raises:
        ConfigError: the file cannot be read, is none of these, or has no recurrent layer.

    Example:
        >>> import tempfile, torch
        >>> path = Path(tempfile.mkdtemp()) / "model.pt"
        >>> torch.save(torch.nn.LSTM(3, 8, num_layers=2).state_dict(), path)
        >>> print(read_weights(path)[0].sentence)
        Found the recurrent layer: LSTM, 2 layers, one direction, 3 inputs, 8 hidden units (torch's order of gates).
    """
    try:
        with open_regular(path) as file:
            start, size = file.read(16), size_of(file)
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise ConfigError(f"--weights was {spelt_path(path)}; it must be a file that can be read ({reason}).") from None
    if size > MOST_BYTES:
        raise ConfigError(f"--weights was {spelt_path(path)}, of {size} bytes; at most {MOST_BYTES} are read.")
    try:
        stacks = stacks_of(path, start)
    except ConfigError as error:
        raise ConfigError(f"--weights was {spelt_path(path)}: {error}") from None
    if not stacks:
        raise ConfigError(f"--weights was {spelt_path(path)}; it has no RNN, LSTM or GRU, so choose another file.")
    return stacks


def stacks_of(path: Path, start: bytes, most: int = MOST_BYTES) -> list[FoundStack]:
    """The layers of a file that begins so; none where it has none.

    Args:
        path: the file.
        start: its first 16 bytes.
        most: bytes that it may unpack to.

    Raises:
        ConfigError: it cannot be read; the sentence does not name it.
    """
    if not start:
        raise ConfigError("it is empty, so choose another file.")
    if start[8:9] == b"{":  # eight bytes of length, then a header of JSON
        return find_stacks(read_safetensors(path))
    if is_torch_file(start, path):
        return find_stacks(read_torch(path, most))
    if start.startswith((HDF5, b"PK")):
        from experiments.weights.keras_file import read_keras

        return read_keras(path, most)
    from experiments.weights.onnx_file import read_onnx

    return read_onnx(path)


def choose_stack(stacks: list[FoundStack], layer: str | None) -> FoundStack:
    """The layer of that name, or the first.

    Raises:
        ConfigError: no layer has the name.
    """
    if layer is None:
        return stacks[0]
    for stack in stacks:
        if stack.name == layer:
            return stack
    names = ", ".join(shortened(stack.name) for stack in stacks)
    raise ConfigError(f"--layer was {shortened(layer)}; the file has {names}.")
