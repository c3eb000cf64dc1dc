"""`python -m models.bptt.compiled.warm`: compile ahead, so that nobody waits. About a minute, once per installation."""

import contextlib
import itertools
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from models.bptt.compiled.cache import is_cached, open_cache
from models.bptt.compiled.choose import DTYPES
from models.bptt.compiled.passes import compiled
from models.cells.registry import CELLS

MODULES = [cell.compiled_step for cell in CELLS.values() if cell.compiled_step is not None]

STALE = 600
"""Seconds after which another process's note that it is compiling no longer counts: it was killed."""


def warm(folder: Path | None) -> None:
    """Compile what is not there yet into the folder, unless another process is doing it."""
    if folder is None:
        return
    with only_one(folder) as alone:
        for dtype, module in itertools.product(DTYPES, MODULES) if alone else ():
            if not is_cached(module, dtype, folder):
                compiled(module, dtype, folder)
    if folder.parent.name == "__pycache__":  # what earlier versions of the code left
        for old in folder.parent.glob("compiled-*"):
            if old != folder and time.time() - old.stat().st_mtime > STALE:
                shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Whether this process is the one to compile; the others leave it to that."""
    note = folder / "compiling"
    try:
        if note.exists() and time.time() - note.stat().st_mtime > STALE:
            note.unlink(missing_ok=True)
        note.touch(exist_ok=False)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        note.unlink(missing_ok=True)


if __name__ == "__main__":
    warm(Path(sys.argv[1]) if len(sys.argv) > 1 else open_cache())
