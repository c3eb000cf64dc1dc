"""What runs have come to, one line each, and why where they have diverged."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from experiments.runs.findings import run_findings
from experiments.runs.learned import run_learned
from experiments.runs.store.reader import RunReader

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
    for run, label in zip(readers, labels, strict=True):
        found = run_learned(run)
        sign = _SIGNS.get(found.outcome, ":material/horizontal_rule:")
        st.markdown(f"{sign} **{as_text(label)}**: {as_text(found.words)}")
        if found.why:
            st.error(as_text(found.why))
        for finding in run_findings(run):
            if finding.kind != "diverged":  # the line says more of it
                st.warning(f"**{finding.title}** (run {run.name}). {finding.evidence} {finding.remedy}")
