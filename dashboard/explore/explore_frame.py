"""What Explore shows for given settings: the profile, the words beside it, the chosen panel."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from analysis.figures.headline import describe_profile
from analysis.figures.picture import Picture
from analysis.figures.profile import profile_picture
from analysis.figures.standalone import standalone, table
from analysis.figures.symbols import with_symbols
from analysis.figures.theme import cell_colour, cell_name
from analysis.finding import Finding
from analysis.numbers import LN_10
from analysis.profile import describe_decay, describe_horizon
from analysis.spectrum import Spectrum
from analysis.typeset import as_html
from analysis.wording import power_of_ten, significant
from dashboard.components.terms import explain_terms
from dashboard.explore.configs import OF_A_DRAWN_NETWORK, settings_of_its_own
from dashboard.explore.differences import describe_differences, format_value
from dashboard.explore.layer_choice import say_layer
from dashboard.explore.link import read_settings
from dashboard.explore.networks import NAMING, controls_of, open_network
from dashboard.explore.overlays import bounds_of, rates_of
from dashboard.explore.panel import symbols_of
from dashboard.explore.panels import PANELS
from dashboard.explore.settings import CONTROLS, HEARD, OF_SOME, Settings
from dashboard.explore.view import View, record_view
from dashboard.frame import Frame
from dashboard.server.checks import Value, shorten_value
from experiments.config.run_config import ConfigError, RunConfig
from experiments.config.without_effect import uses
from experiments.probing.probe import Probe

HERO = "profile"
"""Key of the profile's chart."""


def explore_lab(values: Mapping[str, object]) -> Frame:
    """What Explore shows for a browser's values: the settings, and under `pinned` the settings of A.

    Raises:
        ConfigError: a value that is not allowed.
    """
    pinned = values.get("pinned")
    if pinned is not None and not isinstance(pinned, Mapping):
        raise ConfigError(f"pinned was {shorten_value(pinned)}; it must be settings, or null for none.")
    settings = _checked_settings({name: value for name, value in values.items() if name != "pinned"})
    kept = None if pinned is None else _checked_settings(pinned)
    return explore_frame(record_view(settings, kept), in_drag=True)


def _checked_settings(values: Mapping[str, object]) -> Settings:
    """The given settings, and for all others where the network is that they name.

    Raises:
        ConfigError: one that is not allowed, or the network cannot be opened.
    """
    naming, wrong = read_settings({name: value for name, value in values.items() if name in NAMING})
    opened = None if wrong else open_network(naming)
    allowed, wrong = read_settings(values, controls_of(opened))
    if wrong:
        raise ConfigError(f"{wrong[0]}.")
    return Settings.of(allowed if opened is None else opened.start | allowed)


def explore_frame(view: View, *, in_drag: bool = False) -> Frame:
    """The charts on the page, by their keys, and the words beside the profile.

    In a drag the profile does not wait for a panel that takes long: the page draws that once the hand lets go.
    """
    pictures = {HERO: say_layer(view, lambda: draw_profiles(view, in_drag=in_drag))}
    panel = PANELS[view.settings.panel](view)
    if in_drag and panel.takes_long:
        return Frame(pictures, lambda: write_words(view))
    return Frame(pictures | {key: draw for row in panel.rows for key, draw in row.items()}, lambda: write_words(view))


def explore_html(view: View, link: str = "") -> str:
    """The charts, the words, all settings and the link as one HTML file."""
    frame = explore_frame(view)
    settings = describe_settings(view)
    return standalone(
        "What does the gradient do here?",
        frame.words(),
        (draw() for draw in frame.pictures.values()),
        f"<h2>Settings</h2>{table(settings.items())}" + (f"<p>{escape(link)}</p>" if link else ""),
    )


def describe_settings(view: View) -> dict[str, str]:
    """All settings that apply, in the page's words."""
    applied = {CONTROLS[name].label: format_value(name, value) for name, value in applied_values(view).items()}
    network = {"Network": "untrained" if view.network is None else view.network.title}
    if view.pinned is None:
        return network | applied
    changed = describe_differences(view.pinned, view.settings)
    return network | applied | {"From A, drawn beside it, to these": "; ".join(changed) or "no change"}


def applied_values(view: View) -> dict[str, Value]:
    """The settings that the picture follows from: what names a network is left out, and what does not apply to it."""
    if view.network is None:
        left_out = {"inputs", *OF_SOME - settings_of_its_own(view.settings)}
    else:
        left_out = {"task", "cells", *OF_A_DRAWN_NETWORK}
    threshold = view.settings.threshold
    configs = [p.experiment.config.model_copy(update={"clip_threshold": threshold}) for p in view.probes.values()]
    left_out |= {name for name in RunConfig.model_fields if not any(uses(config, name) for config in configs)}
    left_out |= idle_views(view)
    values = view.settings.as_values().items()
    return {name: value for name, value in values if name not in left_out and not CONTROLS[name].names_network}


def idle_views(view: View) -> set[str]:
    """Settings of the view that change no number here."""
    configs = [probe.experiment.config for probe in view.probes.values()]
    idle = {"alone", "panel"}
    if view.settings.act == "none":
        idle |= {"act", "act_at", "act_unit", "act_value"}
    if all(config.num_layers == 1 for config in configs):
        idle.add("shown_layer")
    if not any(config.bidirectional for config in configs):
        idle.add("direction")
    return idle


def draw_profiles(view: View, *, in_drag: bool = False) -> Picture:
    """The gradient profiles with the chosen overlays; in a drag without the numbers of the cell state, not drawn."""
    dtype = next(iter(view.probes.values())).experiment.config.dtype
    profiles = {cell: r.profile for cell, r in view.probes.items()}
    transports = {cell: r.transport_course for cell, r in view.probes.items() if r.layer_index is None}
    states = {} if in_drag else {cell: c for cell, r in view.probes.items() if (c := r.cell_state) is not None}
    made = profile_picture(
        profiles,
        bounds_of(view),
        dtype,
        rates_of(view),
        transports=transports,
        direct="direct gradient" in view.settings.overlays,
        pinned=view.pinned_profiles(),
        cell_states=states,
    )
    return with_symbols(made, symbols_of(view, HEARD in view.settings.overlays))


def write_words(view: View) -> str:
    """The figures behind the picture as HTML, a few lines per cell; and what differs from A, where A is pinned."""
    cells = "".join(
        f"<p>{explain_terms(as_html('<br>'.join(_write_cell_lines(view, cell))))}</p>" for cell in view.probes
    )
    if view.pinned is None:
        return cells
    changed = "; ".join(describe_differences(view.pinned, view.settings)) or "nothing has changed"
    return f"{cells}<p><strong>From A to now:</strong> {escape(changed)}.</p>"


def _write_cell_lines(view: View, cell: str) -> list[str]:
    """What one cell's pass says, each fact once."""
    result = view.probes[cell]
    p, spectra, c = result.profile, result.spectra, view.clip(result)
    before, after = power_of_ten(c.log_norm_before / LN_10), power_of_ten(c.log_norm_after / LN_10)
    courses = describe_profile(p, result.transport_course if result.layer_index is None else None)
    is_horizon_said = any(f"from lag {p.horizon_lag} on" in line for line in courses)
    lines = [
        _describe_loss(view, result),
        *courses,
        f"dL/dh_t: {describe_decay(p.decay)}",
        *([] if is_horizon_said else [f"dL/dh_t below 10⁻⁷ of its largest: {describe_horizon(p)}"]),
        _describe_spectra(list(spectra.values())),
        f"‖dL/dW‖ {before}" + (f", clipped to {after}" if c.engaged else ", not clipped"),
    ]
    return [
        f"<strong><span style='color:{cell_colour(cell)}'>●</span> {cell_name(cell)}</strong>"
        + (f" ({result.layer_words})" if result.layer_words else ""),
        *with_findings(lines, result.diagnose(c)),
    ]


def with_findings(lines: Sequence[str], findings: Sequence[Finding]) -> list[str]:
    """The lines with a mark at each that begins as a finding's title, then the findings that no line says."""
    marks = {"severe": "▲", "warning": "△", "note": "○"}
    marked, unsaid = list(lines), []
    for f in findings:
        title = f"<strong>{marks[f.severity]} {f.title}</strong>"
        at = next((k for k, line in enumerate(lines) if line == f.title or line.startswith(f"{f.title}:")), None)
        if at is None:
            unsaid.append(f"{title}.")
        else:
            marked[at] = title + lines[at].removeprefix(f.title)
    return [*marked, *unsaid]


def _describe_loss(view: View, result: Probe) -> str:
    """The loss beside what a guess scores, where there is something to guess."""
    chance = result.experiment.chance
    if view.network is not None and not view.network.reads_out(result.experiment.task.output_size):
        return f"Loss {significant(result.trace.loss_value)}, of a random readout"
    beside = "there is nothing to guess" if math.isnan(chance) else f"guessing gives {significant(chance)}"
    return f"Loss {significant(result.trace.loss_value)}; {beside}"


def _describe_spectra(spectra: Sequence[Spectrum]) -> str:
    """The largest spectral norm and radius of the recurrent blocks."""
    if not spectra:
        return "W: no recurrent matrix"
    norm, radius = max(s.spectral_norm for s in spectra), max(s.spectral_radius for s in spectra)
    return f"W: largest singular value {significant(norm)}, spectral radius {significant(radius)}"
