"""The checker of shapes and types that tests put around every function of `models` and `analysis`."""

from collections.abc import Callable
from typing import TypeVar

from beartype import BeartypeConf, beartype

Checked = TypeVar("Checked", bound=Callable[..., object])
AS_MYPY = BeartypeConf(is_pep484_tower=True)
"""An int is a float, too."""


def check_types(function: Checked) -> Checked:
    """Check each call of a function of a module or class; one within a function is made, and would be compiled, anew
    at each call of that."""
    return function if "<locals>" in function.__qualname__ else beartype(conf=AS_MYPY)(function)
