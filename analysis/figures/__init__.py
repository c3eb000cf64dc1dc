"""Results in, pictures out: Plotly figures with the words and numbers that belong to them."""

from importlib import import_module
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """`figures.profile`, `figures.wave`, …: imported when first asked for, as Plotly takes a second."""
    if not name.startswith("_"):
        try:
            return import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
