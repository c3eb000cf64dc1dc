"""The heatmaps of a comparison on the page."""

import streamlit as st

from dashboard.components.show import show
from dashboard.sweeps.choices import present_cell, set_cell
from dashboard.sweeps.pictures import draw_comparison
from experiments.sweeps.compare import Comparison
from experiments.sweeps.index import Results

MOST_PANELS = 12


def show_heatmaps(results: Results, table: Comparison, statistic: str) -> None:
    """The heatmaps; a click on a cell chooses it."""
    if len(table.panels) > MOST_PANELS:
        st.info(
            f"Only the first {MOST_PANELS} of {len(table.panels)} heatmaps are shown. Choose one value for an axis."
        )
        cells = {key: cell for key, cell in table.cells.items() if key[0] in table.panels[:MOST_PANELS]}
        table = Comparison(
            table.value, table.rows, table.columns, table.others, table.row_values, table.column_values,
            table.panels[:MOST_PANELS], cells,
        )  # fmt: skip
    key = f"sweep-map-{results.plan.name}"
    show(
        draw_comparison(results.plan, table, statistic, present_cell(results.plan.name, table)),
        key,
        on_click=lambda clicked: _choose_clicked(results, table, clicked),
    )


def _choose_clicked(results: Results, table: Comparison, clicked: object) -> None:
    # The browser may name anything.
    sizes = (len(table.panels), len(table.row_values), len(table.column_values))
    if not isinstance(clicked, list) or len(clicked) != len(sizes):
        return
    if all(isinstance(k, int) and 0 <= k < size for k, size in zip(clicked, sizes, strict=True)):
        panel, i, j = clicked
        set_cell(results.plan.name, table, table.panels[panel], table.row_values[i], table.column_values[j])
