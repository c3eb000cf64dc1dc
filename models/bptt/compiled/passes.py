"""The compiled passes for a dtype: loaded from the cache, or compiled, once a process."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numba import config as numba_config
from numba import types

from models.bptt.compiled import recurrence
from models.bptt.compiled.cache import mark_ready, open_cache
from models.bptt.compiled.jit import OPTIONS, njit


@dataclass(frozen=True)
class Compiled:
    """`recurrence.run_forward` and `run_backward` for one dtype."""

    forward: Callable[..., None]
    backward: Callable[..., int]


settings: Any = numba_config
lock = threading.Lock()
loaded: dict[torch.dtype, Compiled] = {}


def compiled(dtype: torch.dtype, folder: Path | None = None) -> Compiled:
    """The two passes for float32 or float64; a few ms where they are cached, some seconds where they are not."""
    with lock:
        if dtype not in loaded:
            loaded[dtype] = compile_passes(dtype, folder or open_cache())
    return loaded[dtype]


def compile_passes(dtype: torch.dtype, folder: Path | None) -> Compiled:
    """Both passes with their signatures spelled out, so that nothing is compiled at the first call."""
    number = types.float32 if dtype == torch.float32 else types.float64
    a3 = number[:, :, ::1]
    whole, flag, double2, exponent2 = types.int64, types.boolean, types.float64[:, ::1], types.int64[:, ::1]
    gates = types.UniTuple(a3, 4)
    a2, lengths = number[:, ::1], types.int64[::1]
    forward = types.void(whole, whole, flag, whole, whole, lengths, a3, a3, a3, a3, gates)
    backward = types.int64(
        *(whole, whole, flag, whole, whole, whole, lengths, a3, a3, a3, a3, a3, gates),
        *(a3, a3, exponent2, a3, a3, exponent2, exponent2, double2, double2, a3, exponent2, a2, a2, exponent2, a3),
    )
    before = settings.CACHE_DIR
    passes: list[Any] = []
    functions: list[tuple[Any, Any]] = [(recurrence.run_forward, forward), (recurrence.run_backward, backward)]
    try:
        settings.CACHE_DIR = "" if folder is None else str(folder)
        for function, signature in functions:
            passes.append(njit(signature, cache=folder is not None, **OPTIONS)(function.py_func))
    finally:
        settings.CACHE_DIR = before
    if folder is not None:
        mark_ready(folder, dtype)
    return Compiled(*passes)
