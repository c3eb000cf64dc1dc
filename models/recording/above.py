"""Find functions of packages above `models`, which show or store recordings, by name at their first use."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def from_above(module: str, function: str) -> Callable[..., Any]:
    """A function of a module above `models`, such as "analysis.report"; the build puts the package's name before it."""
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
