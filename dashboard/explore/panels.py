"""What can be looked at below the profile: one function per panel. Only the chosen panel is computed."""

from collections.abc import Callable, Mapping
from functools import partial

from analysis.figures.clipping import clipping_picture
from analysis.figures.fixed_points import fixed_points_picture
from analysis.figures.gates import saturation_picture
from analysis.figures.heatmaps import colour_limit, gates_picture, hidden_picture
from analysis.figures.lyapunov import lyapunov_picture
from analysis.figures.paths import paths_picture
from analysis.figures.picture import Picture
from analysis.figures.spectrum import eigenvalues_picture, singular_values_picture
from analysis.figures.step_clipping import step_clipping_picture
from analysis.figures.step_growth import step_growth_picture, step_norms_picture
from analysis.figures.symbols import with_symbols
from analysis.figures.theme import cell_name
from analysis.figures.theory import mean_field_picture
from analysis.figures.wave import wave_picture
from dashboard.explore.cell_state_panel import cell_state_panel
from dashboard.explore.credit_panel import credit_panel
from dashboard.explore.inputs_panel import inputs_panel
from dashboard.explore.layer_choice import of_layer
from dashboard.explore.panel import MOST_IN_A_DRAG, Panel, Passes, symbols_of
from dashboard.explore.settings import LONGEST, PANEL_NAMES
from experiments.probing.recorded_pass import PRODUCT_STEPS, RecordedPass
from models.cells.registry import CELLS

LARGEST_STATE_ON_PAGE = 256
"""Size of the state up to which Jacobians and exponents are computed on the page: they grow with its cube."""


def _wave_panel(view: Passes) -> Panel:
    """The gradient as it runs back, layer × time."""

    def wave() -> Picture:
        made = wave_picture({cell: r.layer_profiles for cell, r in view.probes.items()})
        return with_symbols(made, symbols_of(view))

    return Panel(({"wave": wave},))


def _hidden_panel(view: Passes) -> Panel:
    """The hidden states of the first sequence."""
    hidden = {cell: r.layer.hidden[:, 0].numpy() for cell, r in view.probes.items()}
    common = colour_limit(hidden.values())
    own = {cell: colour_limit([h]) for cell, h in hidden.items()}
    # One scale, unless one cell's explosion would leave another's map blank.
    limits = {cell: common if 100 * limit > common else limit for cell, limit in own.items()}
    return Panel(({f"hidden-{cell}": partial(hidden_picture, cell, h, limits[cell]) for cell, h in hidden.items()},))


def _gates_panel(view: Passes) -> Panel:
    """The gates of the first sequence."""
    gated = {cell: r for cell, r in view.probes.items() if r.layer.gates}
    if not gated:
        return Panel(note="This cell has no gates. Choose a cell with gates, such as the LSTM, in the sidebar.")

    def saturation() -> Picture:
        return saturation_picture({cell: r.gate_statistics for cell, r in gated.items()})

    def gates(cell: str) -> Picture:
        r = gated[cell]
        return gates_picture(cell, {name: g[:, 0].numpy() for name, g in r.layer.gates.items()})

    return Panel(({"gate-saturation": saturation}, {f"gates-{cell}": partial(gates, cell) for cell in gated}))


def _clipping_panel(view: Passes) -> Panel:
    """The parameter gradient before and after clipping."""
    known = {cell: clipping for cell, clipping in view.clippings.items() if clipping is not None}
    if not known:
        return Panel(
            note="What was clipped is not known. Log it: seen.log(grad_norm=norm, clip=1.0), where norm is what "
            "clip_grad_norm_ has returned and 1.0 its threshold."
        )
    steps = {cell: clipping.steps[-1] for cell, clipping in known.items() if clipping.steps}
    in_time = ({"step-clipping": lambda: step_clipping_picture(steps)},) if steps else ()
    return Panel(({"clipping": lambda: clipping_picture(known)}, *in_time))


def _spectrum_panel(view: Passes) -> Panel:
    """Singular values beside eigenvalues."""
    spectra = {cell: r.spectra for cell, r in view.probes.items() if r.spectra}
    without = [f"{cell_name(c)}: {CELLS[c].words.no_spectrum}" for c, r in view.probes.items() if not r.spectra]
    note = "\n\n".join(without)
    if not spectra:
        return Panel(note=note)
    return Panel(
        (
            {
                "singular-values": lambda: singular_values_picture(spectra),
                "eigenvalues": lambda: eigenvalues_picture(spectra),
            },
        ),
        note,
    )


def _small_states(view: Passes, what: str) -> tuple[dict[str, RecordedPass], str]:
    """The cells with a state small enough for work of its cube, and a note on the others."""
    small = {c: r for c, r in view.probes.items() if r.state_size <= LARGEST_STATE_ON_PAGE}
    note = f"{what} are computed here only for states of up to {LARGEST_STATE_ON_PAGE} numbers. Use fewer hidden units."
    return small, note if len(small) < len(view.probes) else ""


def _multiplications(probes: Mapping[str, RecordedPass], steps: int) -> float:
    """About how many a product of so many step Jacobians takes, of all cells."""
    return sum(r.state_size**3 * min(r.trace.seq_len, steps) for r in probes.values())


def _jacobians_panel(view: Passes) -> Panel:
    """Growth by each step Jacobian and by their products."""
    small, note = _small_states(view, "Jacobians")
    if not small:
        return Panel(note=note)

    def norms() -> Picture:
        return step_norms_picture({c: r.step_growth for c, r in small.items()})

    def growth(cell: str) -> Picture:
        return step_growth_picture(cell, small[cell].step_growth)

    return Panel(
        ({f"jacobians-{cell}": partial(growth, cell) for cell in small}, {"jacobian-norms": norms}),
        note,
        _multiplications(small, PRODUCT_STEPS) > MOST_IN_A_DRAG,
    )


def _lyapunov_panel(view: Passes) -> Panel:
    """Lyapunov exponents, the singular values of the product of all Jacobians, and what theory says."""
    small, note = _small_states(view, "Exponents")

    def exponents() -> Picture:
        return lyapunov_picture({c: r.lyapunov for c, r in small.items()}, {c: r.product for c, r in small.items()})

    def theory() -> Picture:
        elman = small["elman"]
        if elman.mean_field is None or elman.rate_over_gain is None:
            raise ValueError("the theory's picture was asked for of a cell that has no theory")
        return mean_field_picture(elman.mean_field, elman.rate_over_gain, elman.lyapunov)

    if not small:
        return Panel(note=note)
    has_theory = "elman" in small and small["elman"].mean_field is not None
    return Panel(
        ({"lyapunov": exponents}, *([{"mean-field": theory}] if has_theory else [])),
        note,
        _multiplications(small, LONGEST) > MOST_IN_A_DRAG,
    )


def _fixed_points_panel(view: Passes) -> Panel:
    """Where each network rests while its input is 0, and what a small change does there."""
    small, note = _small_states(view, "Fixed points")
    if not small:
        return Panel(note=note)

    def points(cell: str) -> Picture:
        return fixed_points_picture({cell: small[cell].fixed_points})

    charts = {f"fixed-points-{cell}": partial(points, cell) for cell in small}
    return Panel((charts,), note, _multiplications(small, LONGEST) > MOST_IN_A_DRAG)


def _paths_panel(view: Passes) -> Panel:
    """The paths of the gradient through gated cells."""
    taken = {cell: paths for cell, r in view.probes.items() if (paths := r.paths) is not None}
    if not taken and any(r.layer.window is not None for r in view.probes.values()):
        return Panel(
            note="With sliding windows each loss has paths of its own, which cannot be added up. Truncate by blocks."
        )
    if not taken:
        return Panel(
            note="Paths need a cell with a gate that keeps its state. Choose one in the sidebar, such as the LSTM."
        )
    return Panel(tuple({f"paths-{cell}": partial(paths_picture, cell, paths)} for cell, paths in taken.items()))


def _diagnosis_panel(view: Passes) -> Panel:
    """No charts: the page itself makes the words and buttons of the diagnosis."""
    return Panel()


_MADE = (
    _wave_panel, _hidden_panel, cell_state_panel, _gates_panel, _spectrum_panel, _jacobians_panel, _lyapunov_panel,
    _fixed_points_panel, credit_panel, inputs_panel, _paths_panel, _clipping_panel, _diagnosis_panel,
)  # fmt: skip


def _make_panel(name: str, make: Callable[[Passes], Panel], view: Passes) -> Panel:
    return of_layer(view, name, make(view))


PANELS: Mapping[str, Callable[[Passes], Panel]] = {
    name: partial(_make_panel, name, make) for name, make in zip(PANEL_NAMES, _MADE, strict=True)
}
"""Name → panel; its charts say the layer and direction that they are of."""
