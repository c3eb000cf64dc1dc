"""One array of a run folder, lazily read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from experiments.runs.store.chunks import ArraySpec, read_chunk


@dataclass(frozen=True, eq=False)
class Tensor:
    """One array of a run, up to the last commit; nothing is read before it is indexed."""

    folder: Path
    name: str
    spec: ArraySpec
    rows: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the committed part."""
        return (self.rows, *self.spec.shape[1:])

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the axes."""
        return self.spec.dimensions

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, key: Any) -> ndarray:
        """The values, as numpy's basic indexing has it (integers, slices, …) on each axis.

        Only the chunks that the first axis asks for are read, one at a time.

        Raises:
            IndexError: beyond what is committed.
            DamagedRunError: a chunk is missing or damaged; the message names its file.
        """
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys[:1]:
            keys = (slice(None), *keys)
        first, rest = (keys[0], keys[1:]) if keys else (slice(None), ())
        wanted = range(self.rows)[first]
        single = isinstance(wanted, int)
        rows = [wanted] if isinstance(wanted, int) else wanted
        parts: list[ndarray] = []
        chunk, held = None, -1
        for r in rows:
            index, place = divmod(r, self.spec.rows)
            if index != held:
                chunk, held = read_chunk(self.folder, self.name, self.spec, index), index
            assert chunk is not None
            parts.append(chunk[place][rest].copy())
        if single:
            return parts[0]
        empty = np.empty(self.spec.shape[1:], self.spec.dtype)[rest] if not parts else parts[0]
        return np.stack(parts) if parts else np.empty((0, *empty.shape), self.spec.dtype)
