"""What runs have come to, one line each, and what to do where they have diverged or learned nothing."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.option_words import TASK_WORDS
from experiments.runs.learned import run_learned
from experiments.runs.store.reader import RunReader
from experiments.training.success import describe_solved

_SIGNS = {
    "solved": ":material/check_circle:",
    "learning": ":material/trending_up:",
    "diverged": ":material/error:",
    "worse": ":material/trending_down:",
}


def show_verdicts(readers: Sequence[RunReader], labels: Sequence[str]) -> None:
    """A line per run.

    Raises:
        DamagedRunError: a run's scalars are damaged.
    """
    found = [run_learned(run) for run in readers]
    lines = [
        f"{_SIGNS.get(one.outcome, ':material/horizontal_rule:')} **{as_text(label)}**: {as_text(one.words)}"
        for label, one in zip(labels, found, strict=True)
    ]
    st.markdown("  \n".join(lines))
    solved = [run.settings for run, one in zip(readers, found, strict=True) if one.outcome == "solved"]
    for task in dict.fromkeys(str(settings["task"]) for settings in solved if "task" in settings):
        st.caption(f"Solved ({as_text(TASK_WORDS.get(task, task))}): {describe_solved(task)}.")
    for label, one in zip(labels, found, strict=True):
        if one.why:
            box = st.error if one.outcome == "diverged" else st.warning
            box(f"**{as_text(label)}.** {as_text(one.why)}")
