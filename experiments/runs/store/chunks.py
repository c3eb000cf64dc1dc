"""Zarr v3 arrays in one form: a chunk has whole rows, as little-endian bytes and then a CRC-32C.

A chunk's file contains its numbers as they lie in memory and four bytes of checksum (Zarr v3 core specification, the
codecs `bytes` and `crc32c`). So it is written and read here without a library: fast, and without trusting the file.
Every reader of Zarr v3 can open the same files.
"""

from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import orjson
from numpy import ndarray

from experiments.reading import size_of
from experiments.runs.store.errors import DamagedRunError, ForeignRunError
from experiments.runs.store.files import open_inside, read_small

FILL: dict[str, float | int] = {"float32": np.nan, "float64": np.nan, "int32": 0, "int64": 0}
"""Type of an array's numbers → the value of entries that were never written."""

CODECS = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
CHUNK_BYTES = 2**20
"""Bytes of a chunk: it has as many rows as fit, at least one and at most `CHUNK_ROWS`."""
CHUNK_ROWS = 64
CHECKSUM_BYTES = 4


@dataclass(frozen=True)
class ArraySpec:
    """One array's shape, axis names and type. Only the first axis is cut, in chunks of `rows`."""

    shape: tuple[int, ...]
    dimensions: tuple[str, ...]
    dtype: str
    rows: int

    @classmethod
    def of(cls, shape: tuple[int, ...], dimensions: tuple[str, ...], dtype: str = "float32") -> "ArraySpec":
        """The specification of an array with chunks of about 1 MiB."""
        row = prod(shape[1:]) * np.dtype(dtype).itemsize
        rows = max(1, min(CHUNK_ROWS, shape[0], CHUNK_BYTES // max(row, 1)))
        return cls(shape, dimensions, dtype, rows)

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """Rows of a chunk, and the other axes whole."""
        return (self.rows, *self.shape[1:])

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk's numbers, without the checksum."""
        return prod(self.chunk_shape) * np.dtype(self.dtype).itemsize

    def chunk_name(self, index: int) -> str:
        """The chunk's file, relative to the array's folder: `c/3/0/0`."""
        return "/".join(["c", str(index), *["0"] * (len(self.shape) - 1)])

    def chunks(self, rows: int) -> range:
        """Indices of the chunks that hold the first `rows` rows."""
        return range(ceil(rows / self.rows))

    def metadata(self) -> dict[str, object]:
        """The content of the array's `zarr.json`."""
        fill = FILL[self.dtype]
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.chunk_shape)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": "NaN" if isinstance(fill, float) else fill,
            "codecs": CODECS,
            "attributes": {},
            "dimension_names": list(self.dimensions),
            "storage_transformers": [],
        }


def encode(values: ndarray) -> bytes:
    """A chunk's numbers as bytes and their CRC-32C."""
    content = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    return content + int(google_crc32c.value(content)).to_bytes(CHECKSUM_BYTES, "little")


def decode(content: bytes, spec: ArraySpec) -> ndarray | None:
    """A chunk's numbers; None if the bytes do not fit their checksum."""
    if len(content) != spec.chunk_bytes + CHECKSUM_BYTES:
        return None
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if int(google_crc32c.value(body)) != int.from_bytes(checksum, "little"):
        return None
    return np.frombuffer(body, np.dtype(spec.dtype).newbyteorder("<")).reshape(spec.chunk_shape)


def read_chunk(folder: Path, name: str, spec: ArraySpec, index: int) -> ndarray:
    """Read one chunk of the array `name` in a run folder.

    Raises:
        DamagedRunError: the file is missing, or its bytes do not fit their checksum.
        ForeignRunError: it leads out of the folder, or is no regular file.
    """
    relative = f"{TENSORS}/{name}/{spec.chunk_name(index)}"
    try:
        with open_inside(folder, relative) as file:
            whole = size_of(file) == spec.chunk_bytes + CHECKSUM_BYTES
            values = decode(file.read(spec.chunk_bytes + CHECKSUM_BYTES), spec) if whole else None
    except FileNotFoundError:
        raise DamagedRunError(f"{relative!r} is missing in {str(folder)!r}; the other chunks can be read.") from None
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise DamagedRunError(f"{relative!r} in {str(folder)!r} cannot be read ({reason}).") from None
    if values is None:
        raise DamagedRunError(
            f"{relative!r} in {str(folder)!r} is damaged: its checksum does not fit; the other chunks can be read."
        )
    return values


TENSORS = "tensors.zarr"


def check_spec(folder: Path, name: str, spec: ArraySpec) -> None:
    """Raise an error unless an array's `zarr.json` is the one that the run's configuration implies.

    The configuration determines the shape, the type, the chunks and the codecs: whoever made the file has no choice.

    Raises:
        DamagedRunError: the file is missing or no JSON.
        ForeignRunError: another version of Zarr, another codec, or anything else that we do not write.
    """
    relative = f"{TENSORS}/{name}/zarr.json"
    if orjson.dumps(read_json(folder, relative), option=SORTED) != orjson.dumps(spec.metadata(), option=SORTED):
        raise ForeignRunError(
            f"{relative!r} in {str(folder)!r} is not an array as this program writes them (Zarr v3, bytes and crc32c, "
            "with the shape in the run's configuration), so it is not opened."
        )


SORTED = orjson.OPT_SORT_KEYS
"""Files are compared as text: in Python True == 1 and 1.0 == 1."""


def read_json(folder: Path, relative: str, remedy: str = "restore it from a copy") -> dict[str, Any]:
    """Read a JSON object in a run folder; `remedy` is what to do where it is damaged.

    Raises:
        DamagedRunError: missing, or no JSON object.
    """
    try:
        given = orjson.loads(read_small(folder, relative))
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise DamagedRunError(f"{relative!r} in {str(folder)!r} is not the JSON that was written; {remedy}.")
    return given
