"""The folder that keeps compiled code, and whether the code is already there. Imports no compiler.

The folder's name has a hash of everything that the code depends on: numba itself looks at the file of the outermost
function only, and would run an old version of what that calls.
"""

import atexit
import functools
import hashlib
import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch

HERE = Path(__file__).parent
COMPILED = (
    *("jit", "elementary", "product", "padding", "adjoint", "wide", "saturated", "step"),
    *("weights", "recurrence", "passes"),
)
OF_CELLS = ("pointwise", "saturated", "compiled")
"""The names of the files from which code is compiled, in this folder and in each cell's folder."""


@functools.cache
def fingerprint() -> str:
    """Hash of the sources, the compiler's version and settings, and the processor's kind."""
    from llvmlite import binding  # type: ignore[import-untyped]

    parts = [version("numba"), version("llvmlite"), version("numpy"), sys.version, platform.platform()]
    parts += [binding.get_host_cpu_name(), str(sorted(binding.get_host_cpu_features().items()))]
    parts += sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_CPU_"))
    parts += [(HERE / f"{name}.py").read_text(encoding="utf-8") for name in COMPILED]
    cells = [path for name in OF_CELLS for path in sorted(HERE.parents[1].glob(f"cells/*/{name}.py"))]
    parts += [path.read_text(encoding="utf-8") for path in cells]
    parts += [str(HERE), str((HERE / "recurrence.py").stat().st_mtime_ns)]  # numba's own conditions
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def candidates() -> list[Path]:
    """Folders in the order in which they are tried; the last is the user's own."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        roots = [Path(os.environ["NUMBA_CACHE_DIR"]) / "gradient-flow-lab"]
    else:
        roots = [HERE / "__pycache__", user_cache()]
    return [root / f"compiled-{fingerprint()}" for root in roots]


def user_cache() -> Path:
    """The folder that this system has for a user's caches."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "gradient-flow-lab"


def cell_of(module: str) -> str:
    """The cell's folder: `lstm` of `models.cells.lstm.compiled`."""
    return module.split(".")[-2]


def stamp(module: str, dtype: torch.dtype) -> str:
    """Name of the file that says that a cell's code for a dtype is complete."""
    return f"{cell_of(module)}-{str(dtype).removeprefix('torch.')}.ready"


def is_cached(module: str, dtype: torch.dtype, folder: Path | None = None) -> bool:
    """Whether a cell's compiled passes load without compiling anything."""
    folder = folder or open_cache()
    return folder is not None and (folder / stamp(module, dtype)).exists()


def mark_ready(folder: Path, module: str, dtype: torch.dtype) -> None:
    """Mark a cell's code for a dtype as complete."""
    (folder / stamp(module, dtype)).touch()


@functools.cache
def open_cache() -> Path | None:
    """A folder that can be written, with all code compiled earlier; None if there is no such folder.

    A folder that is full but read-only, as in a shared installation, is copied: numba insists on writing to it.
    """
    full = [folder for folder in candidates() if any(folder.glob("*.ready"))]
    empty = [folder for folder in candidates() if folder not in full]
    for folder in full or empty:
        if is_writable(folder):
            return folder
    try:
        private = Path(tempfile.mkdtemp(prefix="gradient-flow-lab-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    for folder in full[:1]:
        shutil.copytree(folder, private, dirs_exist_ok=True)
    return private


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in the folder; makes the folder first if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
