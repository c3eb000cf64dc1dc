"""Choose the path of a recording: `fast` or `reference`. Imports no compiler."""

import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from torch import Tensor

from models.bptt.compiled.cache import HERE, is_cached, open_cache
from models.cells.cell import Cell

DTYPES = (torch.float32, torch.float64)

builders: dict[torch.dtype, "subprocess.Popen[bytes]"] = {}
"""The processes that compile in the background: one for each dtype that was wanted."""

there: set[tuple[str, torch.dtype]] = set()
"""What was found compiled: looked for once, not at every recording."""


def choose_path(kinds: Sequence[type[Cell]], weights: Collection[Tensor], inputs: Tensor, path: str | None) -> str:
    """`fast` or `reference`; see `models.record`.

    Raises:
        ValueError: an unknown path, or `fast` for what it cannot take.
    """
    if path not in (None, "fast", "reference"):
        raise ValueError(f"path was {path!r}; it must be 'fast', 'reference' or None.")
    reason = why_not(kinds, weights, inputs)
    if path == "fast" and reason is not None:
        raise ValueError(f"path was 'fast'; {reason}.")
    if path is not None:
        return path
    steps = {kind.compiled_step for kind in kinds}
    ready = reason is None and all(step is not None and is_ready(step, inputs.dtype) for step in steps)
    return "fast" if ready else "reference"


def why_not(kinds: Sequence[type[Cell]], weights: Collection[Tensor], inputs: Tensor) -> str | None:
    """Why the fast path cannot take cells of these kinds with such weights; None if it can."""
    if not all(tensor.is_cpu for tensor in (inputs, *weights)):
        devices = sorted({tensor.device.type for tensor in (inputs, *weights)})
        return f"that needs the CPU, and this is on {' and '.join(devices)}"
    if inputs.dtype not in DTYPES:
        return f"that needs float32 or float64, and this is {inputs.dtype}"
    for kind in kinds:
        if kind.compiled_step is None:
            return f"that has no {kind.__name__}"
    return None


def must_compile(cell: type[Cell], dtype: torch.dtype) -> bool:
    """Whether the fast path could take this cell, but its code for these numbers is not there yet."""
    try:
        return cell.compiled_step is not None and dtype in DTYPES and not is_cached(cell.compiled_step, dtype)
    except ImportError:  # no compiler for this platform
        return False


def is_ready(module: str, dtype: torch.dtype) -> bool:
    """Whether a cell's compiled code is there. If it is missing, another process begins to compile it."""
    if (module, dtype) in there:
        return True
    try:
        if is_cached(module, dtype):
            there.add((module, dtype))
            return True
        folder = open_cache()
    except ImportError:  # no compiler for this platform
        return False
    if folder is not None and dtype not in builders:
        # A process, not a thread: the compiler would hold Python's lock, and a thread could not outlive this process.
        command, quiet = compiler(dtype, folder, "--first", module), subprocess.DEVNULL
        builders[dtype] = subprocess.Popen(command, cwd=HERE.parents[2], stdin=quiet, stdout=quiet, stderr=quiet)
    return False


def compiler(dtype: torch.dtype, folder: Path, *which: str) -> list[str]:
    """The command of a process that compiles into the folder; it runs in the folder above the package."""
    what = [str(dtype).removeprefix("torch."), "--folder", str(folder), *which, "--processes", "1"]
    return [sys.executable, "-m", f"{__package__}.warm", *what]
