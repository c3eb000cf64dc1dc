"""Every page that answers a drag by the short way, by its name in a question."""

import importlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.frame import Lab

_IMPORTING = threading.Lock()


def labs() -> "Mapping[str, Lab]":
    """Name → lab, imported when it is first asked for.

    Not with this file: a server answers before torch is imported, and a browser loads meanwhile. Under a lock: two
    threads that import a package from two ends see each other's half-made modules.
    """
    with _IMPORTING:
        importlib.import_module("pandas")  # Streamlit begins to, and Plotly looks into what is there of it
        from dashboard.explore.explore_frame import explore_lab
    return {"explore": explore_lab}
