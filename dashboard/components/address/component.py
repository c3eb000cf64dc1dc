"""The page's address follows its state; the browser's history has one entry per visit of a page, not one per change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.components.mount import component
from dashboard.components.projector import PARAMETER, projector_on
from dashboard.session import read_session

_SHOWN, _VISIT = "page-shown", "page-visit"

_mount = component("address")


@dataclass(frozen=True)
class Arrival:
    """How a run of a page began, and what its address says."""

    link: Mapping[str, str]
    """The address's parameters, without that of the projector."""
    has_come: bool
    """Whether the visitor has just come to the page: by a link, from another page, or back in the history."""
    by_history: bool
    """Whether it was by the browser's *Back* or *Forward*."""


def note_arrival(page: str, steps: Sequence[str] = ()) -> Arrival:
    """How this run of the page began; from now on its address is replaced. Call it at the page's top.

    Args:
        page: its name.
        steps: parameters whose changes are steps in the browser's history all the same.
    """
    with st.container(key="page-address"):
        _mount(key="address", data={"steps": list(steps)}, height="content")
    context = get_script_run_ctx()
    by_history = context is not None and context.is_history_navigation
    has_come = by_history or st.session_state.get(_SHOWN) != page
    st.session_state[_SHOWN] = page
    st.session_state[_VISIT] = visit_number() + has_come
    link = {name: text for name, text in st.query_params.items() if name != PARAMETER}
    return Arrival(link, has_come, by_history)


def visit_number() -> int:
    """How often the visitor has come to a page."""
    return read_session(_VISIT, int, 0)


def write_address(parameters: Mapping[str, str]) -> None:
    """Let the address hold these parameters in place of those that it has."""
    wanted = {**parameters, **({PARAMETER: "1"} if projector_on() else {})}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
