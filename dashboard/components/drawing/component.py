"""A drawing of lines and words; `currentColor` in it is the colour of the page's text, light or dark."""

import orjson

from dashboard.components.mount import component

_mount = component("drawing")


def show_drawing(svg: str, *, key: str) -> None:
    """Show an SVG that this program has written; its `<title>` says in words what it shows."""
    _mount(key=key, data=orjson.dumps({"svg": svg}), height="content")
