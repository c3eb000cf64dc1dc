"""Runs: what has been recorded, one run step by step, or several over each other."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from analysis.figures.heatmaps import colour_limit, hidden_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import LN_10, POWERS_OF_TEN, cell_colour, cell_name, figure, translucent
from dashboard.components.live_slider import live_slider
from dashboard.components.show import in_two_columns, show
from dashboard.components.style import page_style
from dashboard.jobs import RUNS
from dashboard.recorded_run import heatmaps, overview
from experiments.runs import RunSummary, find_run, list_runs
from experiments.store.errors import RunError
from experiments.store.reader import RunReader, open_run

MOST_OVERLAID = 6


def table(summaries: Sequence[RunSummary]) -> list[str]:
    """The runs as a table; the names of those that are chosen."""
    text = st.text_input("Search", key="runs-search", placeholder="a task, a cell, a status, part of an id, seed=1 …")
    shown = [s for s in summaries if all(word in described(s) for word in text.lower().split())]
    rows = [row(s) for s in shown]
    event = st.dataframe(
        rows, hide_index=True, width="stretch", on_select="rerun", selection_mode="multi-row", key="runs-table",
        column_config={"loss ÷ chance": st.column_config.NumberColumn(format="%.3f")},
    )  # fmt: skip
    chosen = [shown[k].name for k in event.selection.rows if k < len(shown)]
    if len(chosen) > MOST_OVERLAID:
        st.warning(
            f"{len(chosen)} runs are chosen; up to {MOST_OVERLAID} are laid over each other, so the first ones are."
        )
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
        return {"run": s.name, "status": f"cannot be read: {s.problem}"}
    return {
        "run": s.name,
        "task": config.task,
        "cell": config.cell,
        "T": config.seq_len,
        "hidden": config.hidden_size,
        "clip": config.clip_threshold,
        "seed": config.seed,
        "status": f"{s.status} ({s.reason})" if s.reason else s.status,
        "step": s.step,
        "loss ÷ chance": relative,
        "begun": datetime.fromtimestamp(s.created),
    }


@st.fragment
def scrub(run: RunReader) -> None:
    """One run at one recorded step: profile, hidden states and gates."""
    steps = run.tensor("step")[:]
    if not len(steps):
        st.info("This run has not committed a recorded step yet.")
        return
    if len(steps) > 1:
        k = int(live_slider("Recorded step", minimum=0, maximum=len(steps) - 1, value=0, step=1, key=f"at-{run.name}"))
    else:
        k = 0
    st.markdown(f"Optimiser step **{int(steps[k]):,}** of {run.config.steps:,}")
    left, right = st.columns(2, gap="medium")
    top = -2 if run.config.bidirectional else -1
    with left:
        show(step_profile(run, k, top), f"scrub-profile-{run.name}")
    with right:
        hidden = run.tensor("hidden")[k][top]
        if hidden.size:
            values = hidden[:, 0]
            show(hidden_picture(run.config.cell, values, colour_limit([values])), f"scrub-hidden-{run.name}")


def step_profile(run: RunReader, k: int, top: int) -> Picture:
    """The gradient profile of one recorded step."""
    low, median, high = run.tensor("log_norm_quantile")[k][top].T / LN_10
    t = np.arange(1, len(median) + 1)
    cell = run.config.cell
    made = figure(f"{cell_name(cell)}: the gradient at this step", "timestep t", "size of dL/dh_t", 300)
    made.update_yaxes(**POWERS_OF_TEN)
    band = np.isfinite(low) & np.isfinite(high)
    made.add_trace(
        go.Scatter(
            x=np.concatenate([t[band], t[band][::-1]]), y=np.concatenate([high[band], low[band][::-1]]), fill="toself",
            fillcolor=translucent(cell_colour(cell), 0.16), line={"width": 0}, hoverinfo="skip", showlegend=False,
        )
    )  # fmt: skip
    y = np.where(np.isfinite(median), median, np.nan)
    made.add_scatter(x=t, y=y, name=cell_name(cell), line={"color": cell_colour(cell), "width": 2.5})
    return Picture(
        f"{run.name}-profile",
        made,
        "The size of the total gradient at each timestep, as this training step saw it; the band is 80 % of the batch.",
        f"Gradient profile of run {run.name}: {y[-1]:.1f} decades at the last timestep, {y[0]:.1f} at the first.",
        {"t": t.tolist(), "log10 median": median.tolist(), "log10 low": low.tolist(), "log10 high": high.tolist()},
    )


def opened(names: Sequence[str]) -> list[RunReader]:
    """The runs of these names; a sentence on the page for each that cannot be opened."""
    readers = []
    for name in names:
        try:
            readers.append(open_run(find_run(RUNS, name)))
        except RunError as error:
            st.error(str(error))
    return readers


page_style()
st.title("Recorded runs")
linked = [name for name in st.query_params.get("run", "").split(",") if name][:MOST_OVERLAID]
summaries = list_runs(RUNS)
if not summaries and not linked:
    st.markdown("Nothing is recorded yet. Start a run on the page **Train**, or with `python -m experiments run`.")
    st.stop()
names = table(summaries) or linked
if not names:
    st.markdown("Choose a run to open it, or two to six to lay them over each other.")
else:
    st.query_params["run"] = ",".join(names)
    readers = opened(names)
    try:
        if len(readers) == 1:
            scrub(readers[0])
        if readers:
            in_two_columns(heatmaps(readers), "runs")
            in_two_columns(overview(readers), "runs")
            page = (st.context.url or "").split("?")[0]
            st.caption("This address opens the same view:")
            st.code(f"{page}?run={','.join(r.name for r in readers)}", language=None)
    except RunError as error:
        st.error(str(error))
