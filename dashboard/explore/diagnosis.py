"""The panel Diagnosis: what is wrong with each cell, its numbers, and a button for each remedy."""

import streamlit as st

from analysis.figures.theme import cell_name
from analysis.finding import Finding
from analysis.typeset import as_markdown
from dashboard.components.terms import explain_in
from dashboard.explore.advice import advise, describe_changes
from dashboard.explore.configs import page_values
from dashboard.explore.panel import lines_of
from dashboard.explore.session import change_page
from dashboard.explore.view import View
from experiments.probing.recorded_pass import describe_healthy


def show_diagnosis(view: View) -> None:
    """A column per cell."""
    for line in lines_of(view.probes):
        for column, cell in zip(st.columns(len(line), gap="medium"), line, strict=True):
            with column:
                _show_cell(view, cell)


def _show_cell(view: View, cell: str) -> None:
    findings = advise(view.settings, cell)
    st.markdown(f"## {cell_name(cell)}", help=explain_in(" ".join(finding.evidence for finding in findings)))
    for finding in findings:
        _show_finding(view, cell, finding)
    if not findings:
        st.success(describe_healthy(view.probes[cell]))


def _show_finding(view: View, cell: str, finding: Finding) -> None:
    box = {"severe": st.error, "warning": st.warning, "note": st.info}[finding.severity]
    box(as_markdown(f"**{finding.title}.** {finding.evidence}\n\n{finding.remedy}"))
    if not finding.settings:
        return
    key = f"remedy-{cell}-{finding.kind}-{finding.title}"
    values = page_values(finding.settings, view.network)
    st.button("Apply the remedy", key=key, on_click=change_page, args=(values,))
    st.caption(f"This sets {describe_changes(view.settings, finding.settings)}.")
