"""A state is set, shifted or set to zero at a timestep; below stands what the loss and the gradient do."""

from typing import cast

import streamlit as st

from analysis.figures.intervention import intervention_picture
from analysis.figures.theme import cell_name
from analysis.wording import significant, told_apart
from dashboard.components.number_field import number_field
from dashboard.components.refusal import refuse
from dashboard.components.show import show
from dashboard.explore.link import read_settings
from dashboard.explore.session import change_settings
from dashboard.explore.settings import slide_of
from dashboard.explore.view import View
from dashboard.explore.widgets import show_widget
from dashboard.server.checks import Value, read_whole_number
from experiments.errors import ConfigError
from experiments.probing.intervene import Act, Intervention, intervene


def take_click(clicked: object) -> None:
    """Take the timestep and the unit of a clicked cell of the map; the browser may name anything."""
    try:
        t, unit = cast(list[object], clicked)
        at, which = (read_whole_number(number, 1, 10**6) for number in (t, unit))
    except (TypeError, ValueError):
        return
    place: dict[str, Value] = {"act_at": at, "act_unit": which}
    if st.session_state.get("act") == "none":
        place["act"] = "zero"
    change_settings(read_settings(place)[0])


def show_intervention(view: View) -> None:
    """The controls, and what the change did to each cell."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show_widget("act")
        if view.settings.act == "none":
            st.caption("Click a cell of a map below to change that state.")
            return
        for name in ("act_at", "act_unit"):
            show_widget(name)
        if view.settings.act != "zero":
            number_field(slide_of("act_value"), "act_value")
    done: dict[str, Intervention] = {}
    for cell, probe in view.probes.items():
        try:
            done[cell] = intervene(probe, *_wanted(view))
        except ConfigError as error:
            refuse(error)
            return
    for cell, change in done.items():
        st.markdown(f"**{cell_name(cell)}**: {describe_change(change)}")
    sizes = {cell: (change.log_norm_before, change.log_norm_after) for cell, change in done.items()}
    show(intervention_picture(view.settings.act_at, sizes), "intervention")


def _wanted(view: View) -> tuple[Act, int, int, float]:
    s = view.settings
    return cast(Act, s.act), s.act_at, s.act_unit, s.act_value


def describe_change(change: Intervention) -> str:
    """What the loss did, and what the gradient said that it would do."""
    h = f"unit {change.unit} after timestep {change.t}: {significant(change.before)} → {significant(change.after)}"
    before, after, predicted = told_apart([change.loss_before, change.loss_after, change.predicted])
    if before == after == predicted:
        return f"{h} in the first sequence; the loss stays {before}, as its gradient says."
    loss = f"the loss stays {before}" if before == after else f"the loss goes from {before} to {after}"
    return f"{h} in the first sequence; {loss}. By its gradient it would go to {predicted}."
