"""A component of the browser, made of the files that lie beside this one."""

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_HERE = Path(__file__).parent


def component(name: str, *parts: str, looks_like: str | None = None, isolate_styles: bool = True) -> ComponentRenderer:
    """What puts a `div` of the class `name` on the page, with `name`.css and `name`.js; call it once a component.

    Args:
        name: of the files; in the class the underscores are hyphens.
        parts: further scripts, which `name`.js uses beside made_once.js. All are one module, since a component has one
            script: only `name`.js exports, and no two of them may share a name at the top.
        looks_like: another component, whose class and rules it has instead of rules of its own.
        isolate_styles: whether the rules stay within the component.
    """
    classes = " ".join(file.replace("_", "-") for file in (looks_like, name) if file)
    return st.components.v2.component(
        f"gradient_flow_lab.{name}",
        html=f'<div class="{classes}"></div>',
        css=_text(f"{looks_like or name}.css"),
        js="\n".join(_text(f"{script}.js") for script in (name, *parts, "made_once")),
        isolate_styles=isolate_styles,
    )


def last_message(key: str) -> dict[str, Any]:
    """What the browser last set as the component's state `message`; empty where it set nothing, or something else."""
    state = st.session_state.get(key)
    message = state.get("message") if isinstance(state, dict) else None
    return message if isinstance(message, dict) else {}


def sequence_of(message: dict[str, Any]) -> int:
    """Which of the browser's messages this is, for the answer to carry; 0 where there was none."""
    sequence = message.get("sequence")
    return sequence if isinstance(sequence, int) else 0


def nothing() -> None:
    """For `on_NAME_change`: a callback is what makes NAME a state of the component, also where it has nothing to do."""


def _text(file: str) -> str:
    return (_HERE / file).read_text(encoding="utf-8")
