"""What shows a recording lies above it, in `analysis`: found by its name when it is first asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

ABOVE = __name__.rpartition("models.")[0] + "analysis"
"""`analysis` in the repository; the same below the package's name where it is installed."""


def shown_by(module: str, function: str) -> Callable[..., Any]:
    """A function of a module in `analysis`."""
    found: Callable[..., Any] = getattr(import_module(f"{ABOVE}.{module}"), function)
    return found
