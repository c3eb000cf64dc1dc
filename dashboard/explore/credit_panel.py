"""The panel Credit: which states get gradient from which losses, where attention looked, and how gradients cross."""

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from analysis.crossing import crossing
from analysis.figures.credit import credit_picture
from analysis.figures.crossing import attention_picture, crossing_picture
from analysis.figures.picture import Picture
from dashboard.explore.panel import MOST_IN_A_DRAG, Panel, Passes
from dashboard.frame import Draw
from experiments.probing.credit_by_passes import MOST_LOSSES
from experiments.probing.probe import Probe
from experiments.probing.recorded_pass import RecordedPass
from models.networks.network import Network
from models.recording.trace import Stack

LONGEST_CREDIT_ON_PAGE = 300
"""Timesteps up to which a credit matrix is drawn: it grows with the square of them."""


def credit_panel(view: Passes) -> Panel:
    """The credit matrix: which states get gradient from which losses."""
    if next(iter(view.probes.values())).trace.seq_len > LONGEST_CREDIT_ON_PAGE:
        return Panel(
            note=f"The credit matrix is drawn for at most {LONGEST_CREDIT_ON_PAGE} timesteps. Use a shorter sequence."
        )

    if any(probe.credit_losses > MOST_LOSSES for probe in view.probes.values() if isinstance(probe, Probe)):
        note = (
            f"The credit matrix of an encoder and a decoder is drawn only for targets of up to {MOST_LOSSES} timesteps."
        )
        looks = _attention_charts(view)
        rows = ([looks] if looks else []) + [*_crossing_charts(view)]
        return Panel(tuple(rows), note=f"{note} Use a shorter sequence.", takes_long=True)

    if any(not can_have_credit(probe) for probe in view.probes.values()):
        return Panel(
            tuple(_crossing_charts(view)),
            "With two directions, the credit matrix is drawn only for the top layer. From a lower layer, paths lead to "
            "a loss through both directions of time. Choose the top layer.",
        )

    def credit(cell: str) -> Picture:
        probe = view.probes[cell]
        if not isinstance(probe, Probe) or "encoder" not in probe.whole.stacks:
            return credit_picture(cell, probe.credit)
        return credit_picture(cell, probe.of_stack(None).credit, probe.of_stack("encoder").credit)

    # each loss time goes back through all steps before it, for every sequence of the batch
    work = sum(r.trace.seq_len**2 * r.trace.hidden.shape[2] * r.state_size**2 for r in view.probes.values())
    charts = {f"credit-{cell}": partial(credit, cell) for cell in view.probes}
    several = any(len(probe.whole.stacks) > 1 for probe in view.probes.values() if isinstance(probe, Probe))
    rows = _beside(charts, _attention_charts(view))
    return Panel((*rows, *_crossing_charts(view)), takes_long=several or work > 10 * MOST_IN_A_DRAG)


def can_have_credit(probe: RecordedPass) -> bool:
    """Whether a state's ways to a loss run in one direction of time."""
    D = probe.trace.num_directions
    return D == 1 or probe.index >= len(probe.trace.layers) - D


def _beside(credit: Mapping[str, Draw], looks: Mapping[str, Draw]) -> list[Mapping[str, Draw]]:
    """The credit matrices in a row; with attention a row per cell, its weights beside its credit."""
    if not looks:
        return [credit]
    cells = [key.removeprefix("credit-") for key in credit]
    charts = {**credit, **looks}
    rows = [(f"credit-{cell}", f"attention-{cell}") for cell in cells]
    return [{key: charts[key] for key in row if key in charts} for row in rows]


def _attention_charts(view: Passes) -> Mapping[str, Draw]:
    """Where each network's attention looked."""

    def looks(cell: str, weights: Tensor, network: Network) -> Picture:
        if not network.needs_source:
            return attention_picture(cell, weights[0].numpy(), "sequence", "timestep t")
        read = "place of the picture" if network.needs_picture else "source time"
        return attention_picture(cell, weights[:, 0].numpy(), "target time", read)

    probes = {cell: probe for cell, probe in view.probes.items() if isinstance(probe, Probe)}
    return {
        f"attention-{cell}": partial(looks, cell, probe.whole.attention, probe.experiment.model)
        for cell, probe in probes.items()
        if probe.whole.attention is not None
    }


def _crossing_charts(view: Passes) -> Iterator[Mapping[str, Draw]]:
    """Which way the gradient crossed from a decoder to its encoder."""

    def ways(cell: str, stacks: Mapping[str, Stack]) -> Picture:
        return crossing_picture(cell, crossing(stacks["encoder"], stacks["decoder"]))

    wholes = {cell: probe.whole for cell, probe in view.probes.items() if isinstance(probe, Probe)}
    crossed = {cell: whole.stacks for cell, whole in wholes.items() if "encoder" in whole.stacks}
    if crossed:
        yield {f"crossing-{cell}": partial(ways, cell, stacks) for cell, stacks in crossed.items()}
