"""How far a sweep is, how its runs ended, and why some failed."""

import streamlit as st

from analysis.figures.sweep_panel import words
from analysis.wording import duration
from dashboard.components.as_text import as_text
from dashboard.components.refusal import for_page
from dashboard.session import read_session
from experiments.sweeps.account import STOPPED
from experiments.sweeps.folder import SweepFolder, sessions
from experiments.sweeps.index import Results

LIVE = "sweep-live"
"""Where the session keeps whether the sweep runs now."""


STATUS_WORDS = {"begun": "started, not finished", "planned": "not started"}
"""Status of a run → its words, where they are others."""
FILL_SECONDS = 2.0
"""How often the page looks whether a sweep that runs has more results, and how it is getting on."""


def count_ended(folder: SweepFolder) -> int:
    """How many runs have ended, well or badly, as far as the sweep's clients have said."""
    return sum(session.finished + session.failed for session in sessions(folder))


def show_progress(folder: SweepFolder, drawn: int) -> None:
    """How far the sweep is, and which workers work on it. The whole page is drawn again once more runs have ended.

    Args:
        folder: the sweep.
        drawn: what `count_ended` was when the results on the page were loaded.
    """
    working = [session for session in sessions(folder) if session.lives]
    for session in working:
        done = session.finished + session.failed
        failed = f" · {session.failed} failed" if session.failed else ""
        left = "" if session.seconds_left is None else f" · about {duration(session.seconds_left)} left"
        st.progress(min(done / max(session.total, 1), 1.0), f"**{done:,} of {session.total:,} runs**{failed}{left}")
        for number, doing in enumerate(session.workers.values(), start=1):
            st.caption(as_text(f"Worker {number}: {doing}"))
    if read_session(LIVE, bool, False) != bool(working):
        st.session_state[LIVE] = bool(working)
        st.rerun()
    if working and count_ended(folder) != drawn:
        st.rerun()


def show_standing(results: Results, ended: str, works: bool) -> None:
    """How many runs ended how, and why some failed.

    Args:
        results: of the sweep.
        ended: how its last client ended; empty where one is at work.
        works: whether this server has started it and it has not ended.
    """
    counts = {
        name: int((results.status == name).sum()) for name in ("finished", "diverged", "failed", "begun", "planned")
    }
    if works:  # which of them have just begun, their files say later
        counts = {**counts, "begun": 0, "planned": 0, "not finished yet": counts["begun"] + counts["planned"]}
    parts = [f"{count:,} {STATUS_WORDS.get(name, name)}" for name, count in counts.items() if count]
    about = as_text(results.plan.description or results.plan.name)
    st.markdown(f"{about} · {len(results.plan.runs):,} runs: {', '.join(parts)}.")
    if works and ended:
        st.info("Starting …")
    elif ended == STOPPED and counts["begun"] + counts["planned"]:
        st.info("Paused. All results are kept. Press *Continue* to go on.")
    elif ended not in ("", STOPPED, "ended"):
        st.info(as_text(f"The last start ended: {ended.rstrip('.')}."))
    if results.errors:
        with st.expander(f"{len(results.errors)} failed", expanded=False):
            by_run = {run.name: run.values for run in results.plan.runs}
            rows = [
                {"run": n, **{k: words(v) for k, v in by_run[n].items()}, "error": for_page(e)}
                for n, e in results.errors.items()
            ]
            st.dataframe(rows, hide_index=True, width="stretch", placeholder="")
