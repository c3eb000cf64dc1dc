"""The runs of one cell of a sweep."""

import streamlit as st

from dashboard.components.refusal import refuse
from dashboard.sweeps.choices import quantity_words
from experiments.sweeps.compare import TableCell
from experiments.sweeps.index import Results


def show_cell_runs(results: Results, cell: TableCell | None) -> None:
    """The runs of a cell, each with its numbers, and a link to those that have a folder of their own."""
    if cell is None:
        st.info("This cell has no runs. Choose another row or column.")
        return
    number = {run.name: k for k, run in enumerate(results.plan.runs)}
    rows = []
    for name in cell.names:
        k = number[name]
        numbers = {quantity_words(q): float(values[k]) for q, values in results.numbers.items()}
        address = f"runs?run={name}" if results.plan.kind == "run" else None
        rows.append(
            {"run": name, "open": address, **results.plan.runs[k].values, "status": results.status[k], **numbers}
        )
    shown = [{k: v for k, v in row.items() if v is not None} for row in rows]
    st.dataframe(
        shown, hide_index=True, width="stretch", placeholder="", key=f"runs-{results.plan.name}",
        column_config={"open": st.column_config.LinkColumn("open", display_text="open")},
    )  # fmt: skip
    for row in rows:
        if row["status"] == "failed":
            refuse(f"{row['run']}: {results.errors[str(row['run'])]}")
