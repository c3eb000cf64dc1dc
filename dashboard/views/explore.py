"""Explore: drag a value and watch the gradient vanish or explode."""

import math

import streamlit as st

from analysis.clipping import clip
from analysis.figures.clipping import clipping_picture
from analysis.figures.heatmaps import colour_limit, gates_picture, hidden_picture
from analysis.figures.picture import Picture
from analysis.figures.profile import profile_picture
from analysis.figures.theme import LN_10, cell_colour, cell_name
from analysis.theory import gradient_bound
from analysis.wording import power_of_ten, rate, significant
from dashboard.cache import recorded
from dashboard.components.show import show
from dashboard.components.style import page_style
from dashboard.controls import configs, sidebar, under_the_hand
from experiments.config import ConfigError
from experiments.probe import Probe

PANELS = {"hidden": "Hidden states", "gates": "Gates", "clipping": "Clipping"}


@st.fragment
def lab(coarse: dict[str, object]) -> None:
    """Controls, computation and charts in one fragment, so that a drag reruns nothing else."""
    live = under_the_hand()
    if not coarse["cell"]:
        st.info("Choose at least one cell in the sidebar.")
        return
    try:
        chosen = configs({**coarse, **live})
        probes = {config.cell: recorded(config) for config in chosen}
    except ConfigError as error:
        st.error(str(error))
        return
    threshold = live["clip_threshold"]
    assert isinstance(threshold, float)
    hero, words = st.columns([7, 3], gap="medium")
    with hero:
        show(profile(probes), "profile")
    with words:
        what_this_says(probes, threshold)
    panel = st.segmented_control(
        "Look at", list(PANELS), default="hidden", format_func=PANELS.__getitem__, key="panel", required=True
    )
    if panel == "hidden":
        hidden = {cell: r.trace.hidden[top(r), :, 0].numpy() for cell, r in probes.items()}
        limit = colour_limit(hidden.values())
        for column, (cell, values) in zip(st.columns(len(hidden), gap="medium"), hidden.items(), strict=True):
            with column:
                show(hidden_picture(cell, values, limit), f"hidden-{cell}")
    elif panel == "gates":
        gated = {cell: result for cell, result in probes.items() if result.trace.gates}
        if not gated:
            st.info("An Elman cell has no gates: choose the LSTM or the GRU in the sidebar.")
        for column, (cell, result) in zip(st.columns(max(len(gated), 1), gap="medium"), gated.items(), strict=False):
            with column:
                gates = {name: values[top(result), :, 0].numpy() for name, values in result.trace.gates.items()}
                show(gates_picture(cell, gates), f"gates-{cell}")
    else:
        clippings = {
            cell: clip(r.trace.parameter_grads, threshold, log_norms=r.trace.parameter_log_norm)
            for cell, r in probes.items()
        }
        show(clipping_picture(clippings), "clipping")


def top(result: Probe) -> int:
    """Index of the top layer, forwards, in the trace's layer axis."""
    return result.trace.hidden.shape[0] - result.trace.num_directions


def profile(probes: dict[str, Probe]) -> Picture:
    """The hero picture, with the bound where there is one."""
    bounds = {
        cell: gradient_bound(r.trace, r.spectra["h"].spectral_norm, r.experiment.config.nonlinearity)
        for cell, r in probes.items()
        if cell == "elman"
    }
    dtype = next(iter(probes.values())).experiment.config.dtype
    return profile_picture({cell: r.profile for cell, r in probes.items()}, bounds, dtype)


def what_this_says(probes: dict[str, Probe], threshold: float) -> None:
    """The figures behind the picture, a few lines a cell."""
    st.markdown("##### What this says")
    for cell, result in probes.items():
        p, trace, spectra = result.profile, result.trace, result.spectra
        c = clip(trace.parameter_grads, threshold, log_norms=trace.parameter_log_norm)
        decay = f"has no rate: {p.decay.reason}" if p.decay.rate is None else rate(p.decay.rate)
        horizon = "nowhere" if p.horizon_t is None else f"from t = {p.horizon_t} back ({p.horizon_lag} steps)"
        norm, radius = max(s.spectral_norm for s in spectra.values()), max(s.spectral_radius for s in spectra.values())
        before, after = power_of_ten(c.log_norm_before / LN_10), power_of_ten(c.log_norm_after / LN_10)
        loss = trace.loss.item()
        lines = [
            f"<strong><span style='color:{cell_colour(cell)}'>●</span> {cell_name(cell)}</strong>",
            f"Loss {significant(loss)}; a guess scores {significant(result.experiment.chance)}",
            f"Gradient {decay}",
            f"Below 10⁻⁷ of its largest: {horizon}",
            f"W: spectral norm {significant(norm)}, radius {significant(radius)}",
            f"‖dL/dW‖ {before}" + (f", clipped to {after}" if c.engaged else ", not clipped"),
        ]
        if p.diverged or not math.isfinite(loss):
            lines.append(f"<strong>Diverged:</strong> {first_diverged(result)}.")
        st.html(f"<p style='margin:0 0 .6rem;font-size:.9rem;line-height:1.45'>{'<br>'.join(lines)}</p>")


def first_diverged(result: Probe) -> str:
    """Where the forward pass first left the numbers, in words."""
    hidden = result.trace.hidden.isfinite().all(dim=-1).all(dim=-1)
    bad = (~hidden).nonzero()
    if len(bad) == 0:
        return "the loss or its gradient is not finite although every hidden state is"
    return f"h_t is not finite from t = {int(bad[:, 1].min()) + 1}"


page_style()
st.title("Why does the gradient vanish here?")
st.caption(
    "Drag a value. Every line is the total gradient of a real backward pass through time, recomputed as you drag."
)
lab(sidebar())
