"""What shows a recording, or writes it to a disk, lies above it: found by its name when it is first asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

BELOW = __name__.rpartition("models.")[0]
"""Nothing in the repository; the package's name and a dot where it is installed."""


def from_above(module: str, function: str) -> Callable[..., Any]:
    """A function of a module above `models`, such as `analysis.report`."""
    found: Callable[..., Any] = getattr(import_module(BELOW + module), function)
    return found
