"""Write one array's rows to the disk."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy import ndarray

from experiments.runs.store.chunks import FILL, TENSORS, ArraySpec, encode, read_chunk
from experiments.runs.store.files import write_beside


class Column:
    """The chunk that is being filled, and the full chunks that are being written.

    Another thread writes a full chunk at once, under a temporary name, so that the training does not wait for the disk.
    The next commit gives it the file's name.
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
        """Keep a row for the next commit; shorter axes are padded. Returns whether the row filled a chunk."""
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
        """The chunk that is filled in part, if it has new rows; it is written again when it has more."""
        if not self.dirty:
            return {}
        self.chunk[self.rows % self.spec.rows :] = FILL[self.spec.dtype]
        return {self.path(self.rows // self.spec.rows): encode(self.chunk)}

    def wait(self) -> dict[Path, Path]:
        """Wait until all full chunks are on the disk. Returns each file → the temporary file with its content.

        Raises:
            OSError: the disk refused a chunk.
        """
        return {path: future.result() for path, future in self.full.items()}

    @property
    def waiting_bytes(self) -> int:
        """Bytes of full chunks that are not yet on the disk."""
        return sum(self.spec.chunk_bytes for future in self.full.values() if not future.done())

    def committed(self) -> None:
        """Forget everything that has been committed."""
        self.full, self.dirty = {}, False
