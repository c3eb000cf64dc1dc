"""The table of all runs, with a search above it."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from dashboard.components.refusal import for_page
from experiments.config.words import cut, visible
from experiments.runs.folder import RunSummary

MOST_OVERLAID = 6


def choose_runs(summaries: Sequence[RunSummary]) -> list[str]:
    """Show the table; the names of the runs that are chosen in it."""
    text = st.text_input("Search", key="runs-search", placeholder="a task, a cell, a status, part of an id, seed=1 …")
    words = str(text).lower().split()  # a message may hold anything
    shown = [s for s in summaries if all(word in _searched_text(s) for word in words)]
    event = st.dataframe(
        [_row(s) for s in shown], hide_index=True, width="stretch", on_select="rerun", selection_mode="multi-row",
        key="runs-table", placeholder="", column_config={"loss ÷ chance": st.column_config.NumberColumn(format="%.3f")},
    )  # fmt: skip
    chosen = [shown[k].name for k in event.selection.rows if isinstance(k, int) and 0 <= k < len(shown)]
    if len(chosen) > MOST_OVERLAID:
        st.warning(f"{len(chosen)} runs selected; only the first {MOST_OVERLAID} are shown.")
    return chosen[:MOST_OVERLAID]


def _searched_text(s: RunSummary) -> str:
    fields = s.title if s.config is None else " ".join(f"{k}={v}" for k, v in s.config.model_dump().items())
    return f"{s.name} {s.status} {s.reason} {fields}".lower()


def _row(s: RunSummary) -> dict[str, object]:
    if s.problem is not None:
        return {"run": s.name, "status": visible(f"cannot be read: {for_page(s.problem)}")}
    loss, c = s.latest.get("evaluation_loss", s.latest.get("loss")), s.config
    settings: dict[str, object] = {"task": visible(cut(s.title))}
    if c is not None:
        clip = "never" if c.clip_threshold is None else f"{c.clip_threshold:g}"
        settings = {"task": c.task, "cell": c.cell, "length": c.seq_len, "hidden": c.hidden_size, "clip": clip}
        settings["seed"] = c.seed
    return {
        "run": s.name,
        **settings,
        "status": f"{s.status} ({cut(visible(s.reason))})" if s.reason else s.status,
        "step": s.step,
        "loss ÷ chance": float(str(loss)) / s.chance if loss is not None and s.chance else None,
        "begun": datetime.fromtimestamp(s.created),
    }
