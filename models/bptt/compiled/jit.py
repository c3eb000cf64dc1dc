"""The one decorator of compiled code."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from models.bptt.compiled.vector_width import vector_options

Scalar = Any
"""A number of the dtype for which the code is compiled."""
Array = NDArray[np.floating[Any]]
Exponents = NDArray[np.int64]
Flags = NDArray[np.bool_]
Gates = tuple[Array, Array, Array, Array]
Function = TypeVar("Function", bound=Callable[..., Any])

njit: Any = numba.njit
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}, **vector_options()}
"""`contract` lets a·b + c be one operation; most other promises of fastmath would break NaN and Inf."""


def kernel(function: Function) -> Function:
    """Mark a function: it is compiled together with its caller."""
    return njit(**OPTIONS)(inspect.unwrap(function))


def summing(function: Function) -> Function:
    """The same for a sum whose terms may be added in any order, so that several are added at once."""
    return njit(**(OPTIONS | {"fastmath": {"contract", "reassoc"}}))(inspect.unwrap(function))
