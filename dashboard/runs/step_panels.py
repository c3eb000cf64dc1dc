"""What is below a recorded step's profile: the panels of Explore, of the network as the step found it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from analysis.clipping import Clipping
from analysis.figures.heatmaps import colour_limit, gates_picture, hidden_picture
from analysis.figures.picture import Picture
from analysis.figures.spectrum import eigenvalues_picture, singular_values_picture
from analysis.spectrum import block_spectra
from analysis.typeset import as_markdown
from dashboard.components.show import in_two_columns
from dashboard.components.terms import explain_in
from dashboard.explore.panels import PANELS
from dashboard.explore.settings import CELL_STATE, DIAGNOSIS
from dashboard.explore.show_panel import show_panel
from dashboard.runs.kept import FIRST_PANEL, KEPT
from experiments.config.limits import readable
from experiments.probing.recorded_pass import RecordedPass, describe_healthy, kept_of
from experiments.probing.watched import recorded_pass
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.runs.store.layers import cells_at, length_at, row_of
from experiments.runs.store.layout import layout_of
from experiments.runs.store.reader import RunReader
from models.bptt.threads import use_one_thread

LARGEST_STEP = 2**26
"""Bytes of a recorded step that the page takes apart."""
OF_GATES = ("Gates", "Paths")
"""Panels of cells that have gates."""


@dataclass(frozen=True)
class RecordedStep:
    """One recorded step, for the panels of Explore."""

    probes: Mapping[str, RecordedPass]
    """Its cell → its pass."""

    @property
    def clippings(self) -> Mapping[str, Clipping | None]:
        """The parameter gradient before and after the clipping that was in force."""
        return {cell: probe.clipping for cell, probe in self.probes.items()}


def trained_network(run: RunReader, step: int, number: int = 0, backwards: bool = False) -> RecordedPass:
    """The pass of a recorded step, with that layer looked at; see `RecordedPass.of_layer`.

    Raises:
        RunError: it is too large for the page; ConfigError: see `recorded_probe`.
    """
    size, which = layout_of(run.form).row_bytes, "samples" if run.form.watched else "record_samples"
    if size > LARGEST_STEP:
        raise RunError(
            f"{which} made a recorded step of {readable(size)}; the page shows steps of up to "
            f"{readable(LARGEST_STEP)}, so keep fewer sequences."
        )
    return _trained_network(run.folder, run.description.created, run.index, step, number, backwards)


@lru_cache(maxsize=4)  # not Streamlit's, which would copy what a probe has computed
def _trained_network(folder: Path, created: float, index: int, step: int, number: int, backwards: bool) -> RecordedPass:
    use_one_thread()
    run = open_run(folder)
    return recorded_pass(run.of(list(run.forms)[index]), step).of_layer(number, backwards)


def show_panels(run: RunReader, network: RecordedPass) -> None:
    """The choice of a panel, and its charts."""
    shown = RecordedStep({run.form.stack.cell: network})
    without = (*(() if network.layer.gates else OF_GATES), *(() if network.cell_state else (CELL_STATE,)))
    names = [name for name in PANELS if name not in without]
    if st.session_state.get(KEPT.key("look")) not in names:
        st.session_state[KEPT.key("look")] = FIRST_PANEL
    name = st.segmented_control("Look at", names, key=KEPT.key("look"), required=True)
    if name == DIAGNOSIS:
        _show_findings(network, run.tensor("log_norm").shape[-1])
        return
    name = name if name in names else FIRST_PANEL
    show_panel(PANELS[name](shown), shown, name, f"scrub-{{}}-{run.name}")


def _show_findings(network: RecordedPass, sequences: int) -> None:
    """What is wrong at this step, of whose sequences some are kept. A remedy's setting would make another training."""
    if network.layer.batch_size < sequences:
        st.caption(as_markdown(f"This is about {kept_of(network.layer.batch_size, sequences)}."))
    for finding in network.findings:
        box = {"severe": st.error, "warning": st.warning, "note": st.info}[finding.severity]
        box(as_markdown(f"**{finding.title}.** {finding.evidence}\n\n{finding.remedy}"))
    if terms := explain_in(" ".join(finding.evidence for finding in network.findings)):
        st.caption("The terms", help=terms)
    if not network.findings:
        st.success(describe_healthy(network))


def show_kept_states(run: RunReader, step: int, layer: int) -> None:
    """What is known of a step whose layers are not kept whole: some states and gates, and the weights' spectra.

    Raises:
        DamagedRunError: a chunk is damaged.
    """
    row, cell = row_of(run, step), run.form.stack.cell
    length = length_at(run, row)
    hidden = run.tensor("hidden")[row, layer, :length, 0]
    pictures: dict[str, Picture] = {"hidden": hidden_picture(cell, hidden, colour_limit([hidden]))}
    if run.form.stack.cell_type.gate_names:
        gates = run.tensor("gates")[row, :, layer, :length, 0]
        pictures["gates"] = gates_picture(cell, dict(zip(run.form.stack.cell_type.gate_names, gates, strict=True)))
    if run.form.keeps != "quantiles":
        spectra = {cell: block_spectra(cells_at(run, step)[layer])}
        if spectra[cell]:
            pictures |= {
                "singular-values": singular_values_picture(spectra),
                "eigenvalues": eigenvalues_picture(spectra),
            }
    in_two_columns({f"{name}-{run.name}": picture for name, picture in pictures.items()}, "scrub")
