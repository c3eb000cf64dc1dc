"""A cell's compiled passes for a dtype: loaded from the cache, or compiled, once per process."""

import importlib
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
from numba import types

from models.bptt.compiled import recurrence, step
from models.bptt.compiled.cache import HERE, cell_of, file_names, is_cached, open_cache
from models.bptt.compiled.choose import compiler
from models.bptt.compiled.jit import OPTIONS, njit
from models.bptt.compiled.kept import Kept


@dataclass(frozen=True)
class Compiled:
    """`recurrence.run_forward` and `run_backward` of one cell for one dtype."""

    forward: Callable[..., None]
    backward: Callable[..., None]


lock = threading.Lock()
loaded: dict[tuple[str, torch.dtype], Compiled] = {}

OPEN = [name for name, value in vars(step).items() if isinstance(value, FunctionType)]
"""Names of the functions of `step` that each cell's module replaces."""


LOOPS = ("go_forward", "go_backward")
"""The parts of the passes that call them."""


def compiled(module: str, dtype: torch.dtype) -> Compiled:
    """The two passes for float32 or float64: a few ms from the cache, otherwise half a minute.

    Args:
        module: of the cell's compiled step, see `Packing.module`.
        dtype: of all arrays.
    """
    with lock:
        if (module, dtype) not in loaded:
            folder = open_cache()
            if folder is not None and not is_cached(module, dtype, folder):
                # See `ahead`: it takes half as long there. Without success there, this process compiles.
                subprocess.run(compiler(dtype, folder, "--only", module), cwd=HERE.parents[2], check=False)
            loaded[module, dtype] = compile_passes(module, dtype, folder)
    return loaded[module, dtype]


def with_cell(function: Any, module: str) -> FunctionType:
    """A pass in which the cell's functions replace the open ones of `step`; it has a name of its own.

    The compiler takes a function's globals for constants, so that the cell's are compiled in.
    """
    of_cell = importlib.import_module(module)
    plain = function.py_func
    names = {**plain.__globals__, **{name: getattr(of_cell, name) for name in OPEN}}
    for name in set(plain.__code__.co_names) & set(LOOPS):
        names[name] = njit(**OPTIONS)(with_cell(getattr(recurrence, name), module))
    made = FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__)
    made.__qualname__ = f"{plain.__name__}_{cell_of(module)}"  # what a profiler shows
    return made


def compile_passes(module: str, dtype: torch.dtype, folder: Path | None) -> Compiled:
    """Compile both passes for fixed signatures, so that the first call compiles nothing."""
    number = types.float32 if dtype == torch.float32 else types.float64
    a3 = number[:, :, ::1]
    whole, flag, double2, exponent2 = types.int64, types.boolean, types.float64[:, ::1], types.int64[:, ::1]
    a2, lengths = number[:, ::1], types.int64[::1]
    layer = types.Tuple((lengths, a3, a3, a3, a2, a3, a3, types.UniTuple(a3, 4)))
    direct = types.Tuple((a3, a3, exponent2))
    results = types.Tuple(
        (a3, a3, exponent2, exponent2, double2, double2, a3, exponent2, a2, a2, exponent2, a3, a2, lengths)
    )  # fmt: skip
    forward = types.void(whole, flag, whole, whole, layer)
    backward = types.void(whole, flag, whole, whole, whole, whole, layer, direct, results)
    passes: list[Any] = []
    functions: list[tuple[Any, Any]] = [(recurrence.run_forward, forward), (recurrence.run_backward, backward)]
    for name, (function, signature) in zip(file_names(module, dtype), functions, strict=True):
        made = njit(**OPTIONS)(with_cell(function, module))
        made._cache = Kept(folder, name)
        made.compile(signature)
        made.disable_compile()
        passes.append(made)
    return Compiled(*passes)
