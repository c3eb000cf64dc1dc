"""How a component of the browser comes onto the page: its rules with it, its script as a module of this server."""

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from dashboard.server.modules import MODULES_VERSION

_HERE = Path(__file__).parent

# Streamlit runs a component's script from a `blob:` address, where no relative import works. So that script only says
# where the module is. Where Streamlit's own code came from is where the server is: a proxy may add a prefix.
# Streamlit loads a script once: where this fails, its component stays empty until the page is loaded again. So a module
# whose connection breaks, as one does now and then on a busy machine, is asked for again.
_ENTRY = """
const own = performance.getEntriesByType("resource").map((entry) => entry.name.split("/static/js/"));
const server = own.find((parts) => parts.length === 2);
const url = new URL("%s", server ? `${server[0]}/` : document.baseURI);
async function load(waits) {
  try {
    return await import(url.href);
  } catch (reason) {
    if (!waits.length) throw reason;
    await new Promise((resolve) => setTimeout(resolve, waits[0]));
    return load(waits.slice(1));
  }
}
const { default: render } = await load([250, 500, 1000, 2000, 4000, 8000]);
export default render;
"""


def component(name: str, *, looks_like: str | None = None, isolate_styles: bool = True) -> ComponentRenderer:
    """What puts a `div` of the class `name` on the page, with the folder's `name`.css and `name`.js.

    Call it once per component. The script is an ES module whose default export Streamlit calls with every answer of
    the server; it imports what several components share from `../shared/`.

    Args:
        name: of the folder and its files; in the class the underscores are hyphens.
        looks_like: another component, whose class and rules it has instead of rules of its own.
        isolate_styles: whether the rules stay within the component.
    """
    classes = " ".join(file.replace("_", "-") for file in (looks_like, name) if file)
    looks = looks_like or name
    return st.components.v2.component(
        f"gradient_flow_lab.{name}",
        html=f'<div class="{classes}"></div>',
        css=(_HERE / looks / f"{looks}.css").read_text(encoding="utf-8"),
        js=_ENTRY % f"live/modules/{MODULES_VERSION}/{name}/{name}.js",
        isolate_styles=isolate_styles,
    )


def last_message(key: str) -> dict[str, Any]:
    """The component's last message from the browser; empty if there is none."""
    state = st.session_state.get(key)
    message = state.get("message") if isinstance(state, dict) else None
    return message if isinstance(message, dict) else {}


def sequence_of(message: dict[str, Any]) -> int:
    """Number of the browser's message, which the answer repeats; 0 if there was none."""
    sequence = message.get("sequence")
    return sequence if isinstance(sequence, int) else 0


def do_nothing() -> None:
    """Do nothing. Streamlit makes NAME a state of the component only if `on_NAME_change` is given."""
