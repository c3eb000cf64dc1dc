"""What can be looked at below the profile: one function a panel; only the chosen one is computed."""

from collections.abc import Callable, Mapping

import streamlit as st

from analysis.clipping import ClipRule
from analysis.figures.clipping import clipping_picture
from analysis.figures.credit import credit_picture
from analysis.figures.gates import saturation_picture
from analysis.figures.heatmaps import colour_limit, gates_picture, hidden_picture
from analysis.figures.lyapunov import lyapunov_picture
from analysis.figures.paths import paths_picture
from analysis.figures.picture import Picture
from analysis.figures.spectrum import eigenvalues_picture, singular_values_picture
from analysis.figures.theme import cell_name
from dashboard.components.show import show
from dashboard.controls import page_values
from experiments.probe import Probe

Probes = Mapping[str, Probe]
"""Cell → its recorded pass."""

LONGEST_CREDIT = 300
"""Timesteps up to which a credit matrix is drawn: it grows with the square of them."""

LARGEST_STATE = 256
"""Size of the state up to which exponents are computed on the page: they grow with its cube."""


def side_by_side(pictures: Mapping[str, Picture]) -> None:
    """One column a picture, by its key."""
    for column, (key, picture) in zip(st.columns(len(pictures), gap="medium"), pictures.items(), strict=True):
        with column:
            show(picture, key)


def hidden_panel(probes: Probes) -> None:
    """The hidden states of the first sequence."""
    hidden = {cell: r.trace.hidden[r.top, :, 0].numpy() for cell, r in probes.items()}
    limit = colour_limit(hidden.values())
    side_by_side({f"hidden-{cell}": hidden_picture(cell, values, limit) for cell, values in hidden.items()})


def gates_panel(probes: Probes) -> None:
    """The gates of the first sequence."""
    gated = {cell: r for cell, r in probes.items() if r.trace.gates}
    if not gated:
        st.info("An Elman cell has no gates: choose the LSTM or the GRU in the sidebar.")
        return
    show(saturation_picture({cell: r.gate_statistics for cell, r in gated.items()}), "gate-saturation")
    side_by_side(
        {
            f"gates-{cell}": gates_picture(cell, {name: g[r.top, :, 0].numpy() for name, g in r.trace.gates.items()})
            for cell, r in gated.items()
        }
    )


def clipping_panel(probes: Probes, threshold: float, rule: ClipRule) -> None:
    """The parameter gradient before and after clipping."""
    show(clipping_picture({cell: r.clip(threshold, rule) for cell, r in probes.items()}), "clipping")


def spectrum_panel(probes: Probes) -> None:
    """Singular values beside eigenvalues."""
    spectra = {cell: r.spectra for cell, r in probes.items()}
    side_by_side({"singular-values": singular_values_picture(spectra), "eigenvalues": eigenvalues_picture(spectra)})


def lyapunov_panel(probes: Probes) -> None:
    """Lyapunov exponents and the singular values of the product of all Jacobians."""
    small = {c: r for c, r in probes.items() if r.state_size <= LARGEST_STATE}
    if len(small) < len(probes):
        st.info(f"Exponents are computed here for states of up to {LARGEST_STATE} numbers: choose fewer hidden units.")
    if small:
        exponents = {cell: r.lyapunov for cell, r in small.items()}
        products = {cell: r.product for cell, r in small.items()}
        show(lyapunov_picture(exponents, products), "lyapunov")


def credit_panel(probes: Probes) -> None:
    """Who in the past gets credit for which loss."""
    if next(iter(probes.values())).trace.seq_len > LONGEST_CREDIT:
        st.info(f"The credit matrix is drawn for up to {LONGEST_CREDIT} timesteps: choose a shorter sequence.")
        return
    side_by_side({f"credit-{cell}": credit_picture(cell, r.credit) for cell, r in probes.items()})


def paths_panel(probes: Probes) -> None:
    """Which way the gradient took through the gated cells."""
    taken = {f"paths-{cell}": paths_picture(cell, r.paths) for cell, r in probes.items() if r.paths is not None}
    if not taken:
        st.info("Only gated cells have more than one path: choose the LSTM or the GRU in the sidebar.")
        return
    for key, picture in taken.items():
        show(picture, key)


def diagnosis_panel(probes: Probes, threshold: float, rule: ClipRule) -> None:
    """What is wrong, with its numbers and what to do."""
    for column, (cell, r) in zip(st.columns(len(probes), gap="medium"), probes.items(), strict=True):
        with column:
            st.markdown(f"##### {cell_name(cell)}")
            findings = r.diagnose(r.clip(threshold, rule))
            if not findings:
                st.success("Nothing is wrong: the gradient arrives, and no gate or unit is stuck.")
            for finding in findings:
                box = {"severe": st.error, "warning": st.warning, "note": st.info}[finding.severity]
                box(f"**{finding.title}.** {finding.evidence}\n\n{finding.remedy}")
                if finding.settings:
                    key = f"remedy-{cell}-{finding.kind}-{finding.title}"
                    st.button("Apply the remedy", key=key, on_click=remedy, args=(finding.settings,))


def remedy(settings: Mapping[str, object]) -> None:
    """Change the page's settings as a finding advises."""
    for name, value in page_values(settings).items():
        st.session_state[name] = value


PANELS: dict[str, Callable[[Probes], None]] = {
    "Hidden states": hidden_panel,
    "Gates": gates_panel,
    "Spectrum": spectrum_panel,
    "Lyapunov exponents": lyapunov_panel,
    "Credit": credit_panel,
    "Paths": paths_panel,
}

CLIPPED_PANELS: dict[str, Callable[[Probes, float, ClipRule], None]] = {
    "Clipping": clipping_panel,
    "Diagnosis": diagnosis_panel,
}
"""Panels that depend on the clip threshold and rule, too."""
