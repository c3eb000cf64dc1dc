"""The runs of one cell of a sweep."""

from urllib.parse import urlencode

import streamlit as st

from analysis.figures.theme import cell_name
from dashboard.components.refusal import refuse
from dashboard.control_names import label_within
from dashboard.explore.configs import settings_of
from dashboard.explore.state import State, write_state
from dashboard.sweeps.choices import quantity_words
from dashboard.sweeps.standing import STATUS_WORDS
from experiments.config.run_config import RunConfig
from experiments.sweeps.compare import TableCell
from experiments.sweeps.index import Results

NO_LINK = (
    "A network without a link has settings that Explore's sliders cannot make, such as the gates' biases as they are "
    "drawn. Set *Forget-gate bias* in the sweep to open its networks there."
)


def show_cell_runs(results: Results, cell: TableCell | None) -> None:
    """The runs of a cell, each with its numbers, and a link to those that have a folder of their own."""
    if cell is None:
        st.info("This cell has no runs. Choose another row or column.")
        return
    trained = results.plan.kind == "run"
    number = {run.name: k for k, run in enumerate(results.plan.runs)}
    rows = []
    for name in cell.names:
        k = number[name]
        numbers = {quantity_words(q): float(values[k]) for q, values in results.numbers.items()}
        rows.append(
            {
                "run": name,
                "run's page": f"runs?run={name}" if trained else None,
                "in Explore": f"./?run={name}" if trained else _explore_link(results.plan.config(results.plan.runs[k])),
                **{
                    label_within(field): cell_name(str(value)) if field == "cell" else value
                    for field, value in results.plan.runs[k].values.items()
                },
                "status": STATUS_WORDS.get(results.status[k], results.status[k]),
                **numbers,
            }
        )
    shown = [{k: v for k, v in row.items() if v is not None} for row in rows]
    st.dataframe(
        shown, hide_index=True, width="stretch", placeholder="", key=f"runs-{results.plan.name}",
        column_config={
            name: st.column_config.LinkColumn(name, display_text="open") for name in ("run's page", "in Explore")
        },
    )  # fmt: skip
    if not trained and any(row["in Explore"] is None for row in rows):
        st.caption(NO_LINK)
    for row in rows:
        if row["status"] == "failed":
            refuse(f"{row['run']}: {results.errors[str(row['run'])]}")


def _explore_link(config: RunConfig) -> str | None:
    """The address of Explore with this very network; None where its sliders cannot make it."""
    settings = settings_of(config)
    return None if settings is None else f"./?{urlencode(write_state(State(settings)))}"
