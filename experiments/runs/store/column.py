"""One array's rows on their way to the disk."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy import ndarray

from experiments.runs.store.chunks import FILL, TENSORS, ArraySpec, encode, read_chunk
from experiments.runs.store.files import write_beside


class Column:
    """The chunk that is being filled, and those that are full and on their way.

    A full chunk goes to the disk at once, beside its file, by a thread of its own: a disk's time is not the training's.
    It takes the file's name at the next commit.
    """

    def __init__(self, folder: Path, name: str, spec: ArraySpec, rows: int, pool: ThreadPoolExecutor) -> None:
        self.base, self.spec, self.rows, self.pool = folder / TENSORS / name, spec, rows, pool
        self.full: dict[Path, Future[Path]] = {}
        self.chunk = np.empty(spec.chunk_shape, spec.dtype)
        self.dirty = False
        if rows % spec.rows:
            kept = read_chunk(folder, name, spec, rows // spec.rows)[: rows % spec.rows]
            self.chunk[: len(kept)] = kept

    def append(self, row: ndarray) -> bool:
        """Whether the row, kept for the next commit, filled a chunk; axes shorter than the array's are filled."""
        place = self.rows % self.spec.rows
        if row.shape != self.spec.shape[1:]:
            self.chunk[place : place + 1] = FILL[self.spec.dtype]
        where: tuple[int | slice, ...] = (place, *(slice(size) for size in row.shape))
        self.chunk[where] = row
        self.rows += 1
        self.dirty = True
        if self.rows % self.spec.rows == 0:
            path, chunk = self.path(self.rows // self.spec.rows - 1), self.chunk
            self.full[path] = self.pool.submit(lambda: write_beside(path, encode(chunk)))
            self.chunk, self.dirty = np.empty(self.spec.chunk_shape, self.spec.dtype), False
            return True
        return False

    def path(self, index: int) -> Path:
        """A chunk's file."""
        return self.base / self.spec.chunk_name(index)

    def partial(self) -> dict[Path, bytes]:
        """The chunk that is filled in part, if it has something new; it is written again when it has more."""
        if not self.dirty:
            return {}
        self.chunk[self.rows % self.spec.rows :] = FILL[self.spec.dtype]
        return {self.path(self.rows // self.spec.rows): encode(self.chunk)}

    def wait(self) -> dict[Path, Path]:
        """The full chunks, when all of them are on the disk: each file, and the one beside it that has its content.

        Raises:
            OSError: the disk refused one.
        """
        return {path: future.result() for path, future in self.full.items()}

    @property
    def waiting_bytes(self) -> int:
        """Memory of full chunks that are not on the disk yet."""
        return sum(self.spec.chunk_bytes for future in self.full.values() if not future.done())

    def committed(self) -> None:
        """What there was is committed."""
        self.full, self.dirty = {}, False
