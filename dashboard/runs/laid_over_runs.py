"""Two to six runs at one step: their profiles over each other follow the hand."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.address import write_address
from dashboard.components.refusal import refuse
from dashboard.components.scrub_slider import scrub_slider
from dashboard.components.show import show
from dashboard.runs.kept import KEPT, choice_number, nearest
from dashboard.runs.step_in_sight import step_in_sight
from experiments.runs.laid_over import lay_over
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader


@st.fragment
def show_laid_over(readers: Sequence[RunReader], labels: Sequence[str]) -> None:
    """The slider over all recorded steps, and the chart; a sentence where it cannot be shown."""
    try:
        found = lay_over(readers, labels)
        if found is None:
            st.info("These runs have not saved a recorded step yet.")
            return
        key = f"laid-over-{'-'.join(reader.name for reader in readers)}"
        texts = [f"optimiser step {step:,}" for step in found.step.tolist()]
        asked = int(str(KEPT.values()["step"]))
        first = nearest(found.step.tolist(), asked)
        with step_in_sight():
            at = f"at-{key}-{choice_number()}"
            frame = scrub_slider("Recorded step", texts=texts, shown=found, chart=key, key=at, first=first)
        KEPT.set({"step": int(found.step[frame]) if frame < len(texts) - 1 else 0})
        write_address(KEPT.link({}))
        show(found.picture(frame), key)
    except RunError as error:
        refuse(error)
