"""The checker of shapes and types that tests put around every function of `models`."""

from collections.abc import Callable
from typing import TypeVar

from beartype import beartype

Checked = TypeVar("Checked", bound=Callable[..., object])


def check_types(function: Checked) -> Checked:
    """Check each call of a function of a module or class; one within a function is made, and would be compiled, anew
    at each call of that."""
    return function if "<locals>" in function.__qualname__ else beartype(function)
