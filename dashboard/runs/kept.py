"""The state of Runs: which runs are chosen, at which step, and what is looked at."""

from collections.abc import Sequence

import streamlit as st

from dashboard.explore.control import OneOf, Slide, Switch, Text, Whole
from dashboard.explore.layer_choice import DIRECTIONS
from dashboard.explore.panels import PANELS
from dashboard.explore.settings import LARGEST_STEP, MOST_LAYERS
from dashboard.kept import Kept
from dashboard.session import read_session

MOST_CHOSEN = 6
"""Runs that are laid over each other."""
FIRST_PANEL = "Hidden states"

KEPT = Kept(
    "runs",
    {
        "search": Text("Search", "", 200),
        "run": Text("Runs", "", MOST_CHOSEN * 101),
        "step": Whole("Recorded step", 0, 0, LARGEST_STEP),
        "module": Whole("Module", 0, 0, MOST_LAYERS),
        "layer": Whole("Layer shown", 0, 0, MOST_LAYERS),
        "direction": OneOf("Direction shown", "forwards", {word: word for word in DIRECTIONS}),
        "look": OneOf("Look at", FIRST_PANEL, {name: name for name in PANELS}),
        "lit": Switch("Light what the loss hears", False),
        "learned": Switch("Show how it learned", False, help="Show the answers at up to eight recorded steps."),
        "temperature": Slide("Temperature", 0.7, 0.1, 2.0, 0.1, help=(
            "Low: the likeliest character each time. High: almost any.")),
        "follow": Switch("Follow the training", True, help="Draw each new recorded step."),
        "seeds": Switch("Join seeds", True, help=(
            "Runs that differ only in their seed are one line, their median, with a band from lowest to highest.")),
        "all": Switch("All settings", False, help="Also show the settings that are equal in all chosen runs."),
    },
)  # fmt: skip
"""Step 0 stands for the latest."""


_CHOICE = "runs-choice"


def choose(names: Sequence[str]) -> None:
    """Choose these runs; the step that is looked at stays, or the nearest one that they have."""
    KEPT.set({"run": ",".join(names)})
    st.session_state[_CHOICE] = choice_number() + 1


def choice_number() -> int:
    """How many times runs were chosen."""
    return read_session(_CHOICE, int, 0)


def nearest(steps: Sequence[int], asked: int) -> int:
    """The place of the recorded step that is nearest to the one asked for; of 0 the latest."""
    return min(range(len(steps)), key=lambda k: abs(steps[k] - asked)) if asked else len(steps) - 1


def chosen_names() -> list[str]:
    """The names of the chosen runs, or their beginnings."""
    return [name for name in str(KEPT.values()["run"]).split(",") if name]
