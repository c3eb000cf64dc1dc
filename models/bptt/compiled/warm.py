"""Compile ahead, once per machine, on all cores: later nobody waits.

    python -m models.bptt.compiled.warm [float32] [--folder FOLDER] [--first MODULE | --only MODULE]

compiles all cells, float32 before float64; with `float32` that dtype alone. An administrator fills the folder
`__pycache__/compiled` beside this file for all users.
"""

import argparse
import contextlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from pathlib import Path

import torch

from models.bptt.compiled.ahead import compile_for_files_alone
from models.bptt.compiled.cache import HERE, file_names, is_cached, open_cache
from models.bptt.compiled.choose import DTYPES
from models.bptt.compiled.passes import compile_passes
from models.cells.registry import CELLS

MODULES = sorted({cell.compiled_step for cell in CELLS.values() if cell.compiled_step is not None})

STALE = 600
"""Seconds after which another process that said it compiles counts as killed."""
UNUSED = 60 * 24 * 3600
"""Seconds after which code that nobody has loaded is deleted."""


def warm(
    folder: Path | None, modules: Sequence[str], dtypes: Sequence[torch.dtype] = DTYPES, processes: int = 1
) -> None:
    """Compile what is missing of the modules' code into the folder, in their order."""
    if folder is None:
        return
    delete_unused(folder)
    wanted = [(module, dtype, folder) for dtype in dtypes for module in modules]
    missing = [work for work in wanted if not is_cached(*work)]
    if missing:
        with ProcessPoolExecutor(processes, get_context("spawn"), begin_worker) as pool:
            list(pool.map(compile_one, *zip(*missing, strict=True)))


def begin_worker() -> None:
    """Make this process one that compiles for files alone, and ends with the one that started it, however that ends."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    compile_for_files_alone()


def end_with_parent() -> None:
    """Wait for the end of the process that started this one, and end, too."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def compile_one(module: str, dtype: torch.dtype, folder: Path) -> None:
    """The two passes of one cell for one dtype, into the folder, unless another process has made them meanwhile."""
    with only_one(folder / f"{file_names(module, dtype)[0]}.compiling"):
        if not is_cached(module, dtype, folder):
            compile_passes(module, dtype, folder)


@contextlib.contextmanager
def only_one(note: Path) -> Iterator[None]:
    """Wait until no other process has the note, and have it."""
    while True:
        try:
            with note.open("x", encoding="utf-8") as file:
                file.write(f"{os.getpid()} {socket.gethostname()}")
            break
        except FileExistsError:
            if is_abandoned(note):
                note.unlink(missing_ok=True)
            time.sleep(0.2)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def is_abandoned(note: Path) -> bool:
    """Whether the process that has the note was killed: it is gone from this machine, or has been silent for long."""
    try:
        pid, _, host = note.read_text(encoding="utf-8").partition(" ")
        if os.name == "posix" and host == socket.gethostname():
            os.kill(int(pid), 0)
        return time.time() - note.stat().st_mtime > STALE
    except ProcessLookupError:
        return True
    except (OSError, ValueError):  # another's process, or a note that is just being written or deleted
        return False


def delete_unused(folder: Path) -> None:
    """Delete what nobody has loaded for long, what killed processes left, and what earlier versions kept elsewhere."""
    for file in folder.iterdir():
        limit = UNUSED if file.suffix == ".code" else STALE
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > limit:
                file.unlink()
    for old in (HERE / "__pycache__").glob("compiled-*"):
        shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Read the command line, and compile."""
    parser = argparse.ArgumentParser(description="Compile the passes of all cells ahead.")
    names = {str(dtype).removeprefix("torch."): dtype for dtype in DTYPES}
    parser.add_argument("dtypes", nargs="*", metavar="DTYPE", help=f"{' or '.join(names)}; both if left out")
    parser.add_argument("--folder", type=Path, help="where the code is kept")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--first", metavar="MODULE", help="the module that is wanted first")
    which.add_argument("--only", metavar="MODULE", help="the one module that is wanted")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if not names.keys() >= set(given.dtypes):
        parser.error(f"DTYPE was {' '.join(given.dtypes)}; it must be {' or '.join(names)}.")
    dtypes = [names[name] for name in given.dtypes] or DTYPES
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    modules = [given.only] if given.only else sorted(MODULES, key=lambda module: module != given.first)
    warm(given.folder or open_cache(), modules, dtypes, given.processes)


if __name__ == "__main__":
    main()
