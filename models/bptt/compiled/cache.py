"""The folders that keep compiled code, and whether a cell's code is already there. Imports no compiler.

Each pass of a cell for a dtype is one file. Its name has a hash of all that the code depends on, and of nothing else:
no path, no comment and no docstring. So all copies of the lab on a machine share the files, and a word costs nothing.
"""

import ast
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
TOP = __package__.removesuffix(".bptt.compiled")
"""`models`, or below the name of the package in which it is installed."""
COMPILED_FROM = (f"{TOP}.bptt.compiled.", f"{TOP}.cells.")
"""The modules from which code is compiled begin with one of these."""
PASSES = ("run_forward", "run_backward")


@functools.cache
def machine() -> str:
    """The compiler's version and settings, and the processor's kind."""
    from llvmlite import binding  # type: ignore[import-untyped]

    parts = [version("numba"), version("llvmlite"), version("numpy"), sys.version, platform.platform()]
    parts += [binding.get_host_cpu_name(), str(sorted(binding.get_host_cpu_features().items()))]
    parts += sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_CPU_"))
    return "\0".join(parts)


@functools.cache
def fingerprint(module: str) -> str:
    """Hash of the machine and of all code from which a cell's passes are compiled."""
    passes = ast.dump(parsed(f"{__package__}.passes"))  # it chooses the signatures
    parts = [machine(), passes, *sorted(sources((f"{__package__}.recurrence", module)))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def sources(modules: tuple[str, ...]) -> set[str]:
    """The code of the modules, and of all modules of compiled code that they import."""
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen:
            tree = parsed(module)
            seen[module] = f"{module}\0{ast.dump(tree)}"
            imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            waiting += [name for name in imported if name.startswith(COMPILED_FROM)]
    return set(seen.values())


@functools.cache
def parsed(module: str) -> ast.Module:
    """A module's syntax tree without its docstrings."""
    file = HERE.parents[1].joinpath(*module.removeprefix(f"{TOP}.").split(".")).with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [line for line in node.body if not is_text(line)]
    return tree


def is_text(line: ast.stmt) -> bool:
    """Whether a statement is a docstring."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def cell_of(module: str) -> str:
    """The cell's folder: `lstm` of `models.cells.lstm.compiled`."""
    return module.split(".")[-2]


def file_names(module: str, dtype: torch.dtype) -> list[str]:
    """The files of a cell's two passes for a dtype."""
    of = f"{cell_of(module)}-{str(dtype).removeprefix('torch.')}"
    return [f"{of}-{name}-{fingerprint(module)}.code" for name in PASSES]


def user_cache() -> Path:
    """The folder that this system has for a user's caches."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "gradient-flow-lab"


def candidates() -> list[Path]:
    """Folders in the order in which they are tried: the user's own, and one beside the code, for all its users."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(os.environ["NUMBA_CACHE_DIR"]) / "gradient-flow-lab"]
    return [user_cache() / "compiled", HERE / "__pycache__" / "compiled"]


@functools.cache
def open_cache() -> Path | None:
    """A folder that can be written; None if there is no such folder."""
    for folder in candidates():
        if is_writable(folder):
            return folder
    try:
        private = Path(tempfile.mkdtemp(prefix="gradient-flow-lab-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return private


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in the folder; makes the folder first if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def find(name: str, folder: Path | None = None) -> Path | None:
    """A file of compiled code, in the folder or in any other; None if it has to be compiled."""
    folders = [*filter(None, (folder, open_cache())), *candidates()]
    return next((place / name for place in folders if (place / name).is_file()), None)


def is_cached(module: str, dtype: torch.dtype, folder: Path | None = None) -> bool:
    """Whether a cell's compiled passes load without compiling anything."""
    return all(find(name, folder) is not None for name in file_names(module, dtype))
