"""A button that saves all figures of a page as one zip: SVG, PNG and CSV of each, the settings, and how to redo it."""

from collections.abc import Callable, Mapping

import orjson
import streamlit as st

from analysis.figures.picture import Picture
from dashboard.components.mount import component, do_nothing
from dashboard.components.source import source

_mount = component("all_figures")


def all_figures(draw: Callable[[], Mapping[str, Picture]], more: Callable[[], Mapping[str, str]], key: str) -> None:
    """Show the button. The browser draws the pictures, since it has them already; the server writes the rest.

    Args:
        draw: gives the page's pictures by the keys of their charts; called when the button is pressed.
        more: gives more files, name → text; called then, too.
        key: of the button.
    """
    state = st.session_state.get(key)
    asked = state.get("asked") if isinstance(state, dict) else 0
    asked = asked if isinstance(asked, int) else 0
    files: dict[str, str] = {}
    if asked:  # until the browser has the files, and says 0
        where = source()
        files = {f"{name}.csv": where.csv(picture) for name, picture in draw().items()}
        files |= {"settings.toml": where.toml(), **more()}
    data = {"label": "All figures", "asked": asked, "files": files,
            "help": "Download every figure as SVG, PNG and CSV, and the settings, as one zip."}  # fmt: skip
    _mount(key=key, data=orjson.dumps(data), height="content", on_asked_change=do_nothing)
