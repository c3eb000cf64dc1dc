"""Explore: drag a value and watch the gradient vanish or explode."""

from typing import Literal
from urllib.parse import urlencode

import streamlit as st

from analysis.clipping import ClipRule
from analysis.figures.picture import Picture
from analysis.figures.profile import profile_picture
from analysis.figures.theme import LN_10, cell_colour, cell_name
from analysis.profile import Profile
from analysis.wording import power_of_ten, rate, significant
from dashboard.cache import recorded
from dashboard.components.show import show
from dashboard.components.style import page_style
from dashboard.controls import configs, run_values, sidebar, under_the_hand
from dashboard.panels import CLIPPED_PANELS, LARGEST_STATE, PANELS
from dashboard.presets import PRESETS
from dashboard.state import OVERLAYS, PANEL_NAMES, Value, apply, differences, keep, prepare, to_link
from experiments.config import ConfigError, RunConfig
from experiments.probe import Probe


@st.fragment
def lab() -> None:
    """Controls, computation and charts in one fragment, so that a drag reruns nothing else."""
    under_the_hand()
    state = keep()
    if not state["cells"]:
        st.info("Choose at least one cell in the sidebar.")
        return
    try:
        chosen = configs(run_values(state))
        probes = {config.cell: recorded(config) for config in chosen}
    except ConfigError as error:
        st.error(str(error))
        return
    threshold = state["clip_threshold"]
    assert isinstance(threshold, float)
    hero, words = st.columns([7, 3], gap="medium")
    with hero:
        chart = st.container()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            overlays = st.pills("Show beside it", OVERLAYS, selection_mode="multi", key="overlays")
            pin_button()
        with chart:
            show(hero_picture(probes, overlays), "profile")
            if st.session_state["pinned"] is not None:
                changed = differences(st.session_state["pinned"], state)
                st.markdown(f"**From A to now:** {'; '.join(changed) or 'nothing has changed'}.")
    with words:
        what_this_says(probes, threshold, chosen[0].clip_rule)
    rule = chosen[0].clip_rule
    panel = st.segmented_control("Look at", PANEL_NAMES, key="panel", required=True) or PANEL_NAMES[0]
    if panel in PANELS:
        PANELS[panel](probes)
    else:
        CLIPPED_PANELS[panel](probes, threshold, rule)


def presets() -> None:
    """Places to start, each with one sentence on what to drag."""
    chosen = st.session_state["preset"]
    with st.container(horizontal=True, gap="small"):
        for k, preset in enumerate(PRESETS):
            kind: Literal["secondary", "tertiary"] = "secondary" if chosen == k else "tertiary"
            st.button(preset.name, key=f"preset-{k}", on_click=choose, args=(k,), type=kind)
    st.markdown(PRESETS[chosen].try_this if chosen is not None else "Drag a value, or start from one of the above.")


@st.fragment
def take_away() -> None:
    """The present state as a link and as Python: written when asked for, so that a drag does not write them anew."""
    if st.button("Link and Python", type="tertiary"):
        page = (st.context.url or "").split("?")[0]
        st.markdown("This address opens the page as it is now:")
        st.code(f"{page}?{urlencode(to_link(keep()))}", language=None, wrap_lines=True)
        st.markdown("This prints the page's numbers:")
        st.code(snippet(keep()), language="python")


def pin_button() -> None:
    """Keep the present state as A, or let it go."""
    if st.session_state["pinned"] is None:
        words = "Keep the present lines as A, and compare what you change with them."
        st.button("Pin as A", type="tertiary", on_click=pin, help=words)
    else:
        st.button("Unpin A", type="tertiary", on_click=unpin)


def choose(k: int) -> None:
    """Go to a preset."""
    apply(PRESETS[k].settings)
    st.session_state["preset"] = k


def pin() -> None:
    """Keep the present settings as A."""
    st.session_state["pinned"] = keep()


def unpin() -> None:
    """Forget A."""
    st.session_state["pinned"] = None


def snippet(state: dict[str, Value]) -> str:
    """Python that prints the page's numbers through the public API."""
    values = run_values(state)
    cells = values.pop("cell")
    default = RunConfig().model_dump()
    given = {name: value for name, value in values.items() if default[name] != value}
    arguments = "".join(f", {name}={value!r}" for name, value in given.items())
    return SNIPPET.format(cells=cells, arguments=arguments)


SNIPPET = """from experiments.config import RunConfig
from experiments.probe import probe

for cell in {cells}:
    result = probe(RunConfig(cell=cell{arguments}))
    print(cell, result.trace.loss.item(), result.profile.decay.rate)
    print(result.profile.median.tolist())  # ln of the size of dL/dh_t, t = 1 ... T
"""


def hero_picture(probes: dict[str, Probe], overlays: list[str]) -> Picture:
    """The profiles, with what the reader wants to see beside them."""
    bounds = {cell: r.bound for cell, r in probes.items() if "bound" in overlays and r.bound is not None}
    rates: dict[str, tuple[str, float]] = {}
    for cell, r in probes.items():
        if "mean-field rate" in overlays and r.mean_field is not None:
            rates[f"{cell_name(cell)}: mean-field rate ½ ln χ"] = (cell, r.mean_field.rate)
        if "Lyapunov rate" in overlays and r.state_size <= LARGEST_STATE:
            rates[f"{cell_name(cell)}: largest Lyapunov exponent"] = (cell, float(r.lyapunov.exponents[0]))
    dtype = next(iter(probes.values())).experiment.config.dtype
    profiles = {cell: r.profile for cell, r in probes.items()}
    return profile_picture(
        profiles, bounds, dtype, rates, direct="direct gradient" in overlays, pinned=pinned_profiles()
    )


def pinned_profiles() -> dict[str, Profile]:
    """The profiles of the pinned state A; none where nothing is pinned."""
    pinned = st.session_state["pinned"]
    if pinned is None:
        return {}
    return {config.cell: recorded(config).profile for config in configs(run_values(pinned))}


def what_this_says(probes: dict[str, Probe], threshold: float, rule: ClipRule) -> None:
    """The figures behind the picture, a few lines a cell."""
    st.markdown("##### What this says")
    for cell, result in probes.items():
        p, trace, spectra = result.profile, result.trace, result.spectra
        c = result.clip(threshold, rule)
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
        marks = {"severe": "▲", "warning": "△", "note": "○"}
        lines += [f"<strong>{marks[f.severity]} {f.title}.</strong>" for f in result.diagnose(c)]
        st.html(f"<p style='margin:0 0 .6rem;font-size:.9rem;line-height:1.45'>{'<br>'.join(lines)}</p>")


page_style()
if "preset" not in st.session_state:
    # The first visit begins at the first preset, unless a link says where.
    st.session_state["preset"] = None if st.query_params else 0
    if not st.query_params:
        apply(PRESETS[0].settings)
st.session_state.setdefault("pinned", None)
wrong = prepare()
st.title("Why does the gradient vanish here?")
if wrong:
    st.warning(f"The link was restored except for: {'; '.join(wrong[:5])}.")
sidebar()
presets()
lab()
take_away()
