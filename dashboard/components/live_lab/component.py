"""The words beside live charts; during a drag they and the charts are updated without a rerun."""

from collections.abc import Mapping

import orjson

from dashboard.components.mount import component

_mount = component("live_lab")


def live_lab(name: str, state: Mapping[str, object], words: str = "") -> None:
    """Show the words. Sliders whose key is in the state then redraw the page's charts while they are dragged.

    Put one in the fragment that holds sliders and charts, after the charts. `name` is that of the page's function in
    `dashboard.server.labs`, `state` what it is called with, `words` its `Frame.words`, all of JSON's kinds.
    """
    _mount(
        key=f"live-lab-{name}",
        data=orjson.dumps({"name": name, "state": dict(state), "words": words}),
        height="content",
    )
