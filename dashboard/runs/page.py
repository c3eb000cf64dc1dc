"""Runs: what has been recorded, one run step by step, or several over each other."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import streamlit as st

from dashboard.components.refusal import for_page, refuse
from dashboard.components.scrub_slider import scrub_slider
from dashboard.components.show import in_two_columns, show
from dashboard.components.style import page_style
from dashboard.train.jobs import RUNS
from experiments.config.words import cut, visible
from experiments.runs.findings import run_findings
from experiments.runs.folder import RunSummary, find_run, list_runs, named_in
from experiments.runs.opening import open_run
from experiments.runs.pictures import run_pictures
from experiments.runs.step_pictures import Profiles, profiles, step_pictures
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader

MOST_OVERLAID = 6


def table(summaries: Sequence[RunSummary]) -> list[str]:
    """The runs as a table; the names of those that are chosen."""
    text = st.text_input("Search", key="runs-search", placeholder="a task, a cell, a status, part of an id, seed=1 …")
    words = str(text).lower().split()  # a message may hold anything
    shown = [s for s in summaries if all(word in described(s) for word in words)]
    rows = [row(s) for s in shown]
    event = st.dataframe(
        rows, hide_index=True, width="stretch", on_select="rerun", selection_mode="multi-row", key="runs-table",
        column_config={"loss ÷ chance": st.column_config.NumberColumn(format="%.3f")},
    )  # fmt: skip
    chosen = [shown[k].name for k in event.selection.rows if isinstance(k, int) and 0 <= k < len(shown)]
    if len(chosen) > MOST_OVERLAID:
        st.warning(f"{len(chosen)} runs selected; only the first {MOST_OVERLAID} are shown.")
    return chosen[:MOST_OVERLAID]


def described(s: RunSummary) -> str:
    """Everything that a search looks at."""
    fields = "" if s.config is None else " ".join(f"{k}={v}" for k, v in s.config.model_dump().items())
    return f"{s.name} {s.status} {s.reason} {fields}".lower()


def row(s: RunSummary) -> dict[str, object]:
    """A run's line in the table."""
    loss = s.latest.get("evaluation_loss", s.latest.get("loss"))
    relative = float(str(loss)) / s.chance if loss is not None and s.chance else None
    config = s.config
    if config is None:
        return {"run": s.name, "status": visible(f"cannot be read: {for_page(s.problem or '')}")}
    return {
        "run": s.name,
        "task": config.task,
        "cell": config.cell,
        "length": config.seq_len,
        "hidden": config.hidden_size,
        "clip": "never" if config.clip_threshold is None else f"{config.clip_threshold:g}",
        "seed": config.seed,
        "status": f"{s.status} ({cut(visible(s.reason))})" if s.reason else s.status,
        "step": s.step,
        "loss ÷ chance": relative,
        "begun": datetime.fromtimestamp(s.created),
    }


@st.cache_data(max_entries=4, show_spinner=False)
def recorded_profiles(_run: RunReader, folder: Path, updated: float) -> Profiles:
    """A run's profiles, kept while the slider asks for them again at each release; known by folder and last commit."""
    return profiles(_run)


@st.fragment
def scrub(run: RunReader) -> None:
    """One run at one recorded step, or a sentence where it is damaged: Streamlit catches what leaves a fragment."""
    try:
        scrubbed(run)
    except RunError as error:
        refuse(error)


def scrubbed(run: RunReader) -> None:
    """One run at one recorded step: the profile follows the hand, the rest when it lets go."""
    if not len(run.tensor("step")):
        st.info("This run has not committed a recorded step yet.")
        return
    found = recorded_profiles(run, run.folder, run.progress.updated)
    texts = [f"optimiser step {step:,} of {run.progress.step:,}" for step in found.step.tolist()]
    chart, frame = f"scrub-profile-{run.name}", 0
    if len(texts) > 1:
        frame = scrub_slider("Recorded step", texts=texts, frames=found.drawn, chart=chart, key=f"at-{run.name}")
    else:
        st.markdown(texts[0].capitalize())
    if found.note:
        st.caption(found.note)
    pictures = step_pictures(run, int(found.row[frame]), found.every, found.reach)
    left, right = st.columns(2, gap="medium")
    gates = pictures.pop("gates", None)
    for name, column in (("profile", left), ("hidden", right if gates is None else left)):
        if name in pictures:
            with column:
                show(pictures.pop(name), f"scrub-{name}-{run.name}")
    if gates is not None:  # as tall as the two beside them
        with right:
            show(gates, f"scrub-gates-{run.name}")
    in_two_columns({f"{name}-{run.name}": picture for name, picture in pictures.items()}, "scrub")


def opened(names: Sequence[str]) -> list[RunReader]:
    """The runs of these names; a sentence on the page for each that cannot be opened."""
    readers = []
    for name in names:
        try:
            readers.append(open_run(find_run(RUNS, name)))
        except RunError as error:
            refuse(error)
    return readers


page_style()
st.title("Recorded runs")
asked = st.query_params.get("run", "")
linked = named_in(asked)[:MOST_OVERLAID]
if asked and not linked:
    refuse("The address names no run: it must be the beginning of a run's id, and no path.")
summaries = list_runs(RUNS)
if not summaries and not linked:
    st.markdown("Nothing is recorded yet. Start a run on the page **Train**.")
    st.stop()
names = table(summaries) or linked
if not names:
    st.markdown("Choose a run to open it, or two to six to lay them over each other.")
else:
    st.query_params["run"] = ",".join(names)
    readers = opened(names)
    try:
        for reader in readers:
            for finding in run_findings(reader):
                st.warning(f"**{finding.title}** (run {reader.name}). {finding.evidence} {finding.remedy}")
        if len(readers) == 1:
            scrub(readers[0])
        if readers:
            in_two_columns(run_pictures(readers), "runs")
            page = (st.context.url or "").split("?")[0]
            st.caption("This address opens the same view:")
            st.code(f"{page}?run={','.join(r.name for r in readers)}", language=None)
    except RunError as error:
        refuse(error)
