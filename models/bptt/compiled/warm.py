"""`python -m models.bptt.compiled.warm` compiles ahead, once per installation, on all cores: later nobody waits."""

import contextlib
import itertools
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from models.bptt.compiled.cache import is_cached, open_cache
from models.bptt.compiled.choose import DTYPES
from models.bptt.compiled.passes import compiled
from models.cells.registry import CELLS

MODULES = [cell.compiled_step for cell in CELLS.values() if cell.compiled_step is not None]

STALE = 600
"""Seconds after which another process that said it compiles counts as killed."""


def warm(folder: Path | None, processes: int = 1) -> None:
    """Compile all missing code into the folder, unless another process is already compiling."""
    if folder is None:
        return
    with only_one(folder) as alone:
        wanted = itertools.product(MODULES, DTYPES) if alone else ()
        missing = [(module, dtype, folder) for module, dtype in wanted if not is_cached(module, dtype, folder)]
        if missing:
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
                list(pool.map(compile_one, *zip(*missing, strict=True)))
    if folder.parent.name == "__pycache__":  # what earlier versions of the code left
        for old in folder.parent.glob("compiled-*"):
            if old != folder and time.time() - old.stat().st_mtime > STALE:
                shutil.rmtree(old, ignore_errors=True)


def compile_one(module: str, dtype: torch.dtype, folder: Path) -> None:
    """The two passes of one cell for one dtype, into the folder."""
    compiled(module, dtype, folder)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Whether this process is the one that compiles; only one does at a time."""
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
    if len(sys.argv) > 1:  # beside a process that goes on meanwhile
        warm(Path(sys.argv[1]))
    else:
        warm(open_cache(), os.cpu_count() or 1)
