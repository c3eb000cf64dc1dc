"""The panel Inputs: which input the loss hears."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from analysis.figures.inputs import input_gradients_picture
from analysis.figures.picture import Picture
from analysis.figures.pixels import pixels_picture
from analysis.figures.symbols import Symbols, with_symbols
from dashboard.explore.panel import MOST_IN_A_DRAG, Panel, Passes, symbols_of
from dashboard.frame import Draw
from experiments.probing.input_gradients import LONGEST_ATTENTION, attention_log_norm, input_log_norm
from experiments.probing.probe import Probe
from experiments.probing.recorded_pass import RecordedPass
from models.bptt.scaled import LN_2


def whole_sequence(view: Passes) -> Symbols | None:
    """The first sequence over all stacks: of an encoder-decoder the source, and then the words of the target."""
    first = next(iter(view.probes.values()))
    if not isinstance(first, Probe) or len(first.whole.stacks) == 1:
        return symbols_of(view, lit=True)
    probes = {cell: probe for cell, probe in view.probes.items() if isinstance(probe, Probe)}
    parts = [stack.symbols for stack in first.each_stack]
    return Symbols(
        tuple(text for part in parts for text in part.texts),
        np.concatenate([part.matters for part in parts]),
        {cell: np.concatenate([stack.heard for stack in probe.each_stack]) for cell, probe in probes.items()},
    )


def no_paths(view: Passes) -> tuple[Bool[ndarray, " time"] | None, str]:
    """The timesteps whose input has no path to a loss in any network, and why; None where that is not known.

    An input acts on the loss through the first layer's state at its own timestep, in one direction or two.
    """
    missing, why = list[Bool[ndarray, " time"]](), ""
    for probe in view.probes.values():
        of_stacks = list[Bool[ndarray, " time"]]()
        stacks: Sequence[RecordedPass] = [probe]
        if isinstance(probe, Probe) and len(probe.whole.stacks) > 1:
            stacks = probe.each_stack
        for stack in stacks:
            first_layer = stack.layer_profiles[: stack.trace.num_directions]
            masks = [p.no_path for p in first_layer if p.no_path is not None]
            if len(masks) < len(first_layer):
                return None, ""
            of_stacks.append(np.logical_and.reduce(masks))
            why = first_layer[0].why_no_path
        missing.append(np.concatenate(of_stacks))
    return np.logical_and.reduce(missing), why


def inputs_panel(view: Passes) -> Panel:
    """‖dL/dx_t‖ of every network; beside untrained ones of a layer of self-attention."""
    first = next(iter(view.probes.values()))
    untrained = isinstance(first, Probe) and first.trained is None and first.source is None
    timesteps = len(first.experiment.inputs) if isinstance(first, Probe) else first.trace.seq_len
    compared = untrained and timesteps <= LONGEST_ATTENTION

    def inputs() -> Picture:
        sizes = {
            cell: input_log_norm(probe) if isinstance(probe, Probe) else probe.trace.input_log_norm.numpy()
            for cell, probe in view.probes.items()
        }
        attention = attention_log_norm(first.experiment) if compared and isinstance(first, Probe) else None
        made = input_gradients_picture(sizes, attention, *no_paths(view))
        return with_symbols(made, whole_sequence(view))

    def pixels(cell: str, probe: Probe) -> Picture:
        task, inputs, grad = probe.experiment.task, probe.experiment.inputs, probe.whole.grad_picture
        assert grad is not None
        image = task.picture(inputs[:, 0])
        size = task.picture(grad.parts[0][:, 0].double())
        assert image is not None
        assert size is not None
        power = grad.exponent[0, 0].item() * LN_2
        return pixels_picture(cell, image.numpy(), (size.norm(dim=-1).log() + power).numpy())

    pictures = {
        f"pixels-{cell}": partial(pixels, cell, probe)
        for cell, probe in view.probes.items()
        if isinstance(probe, Probe) and probe.whole.grad_picture is not None
    }
    too_long = f"Self-attention is computed here only for up to {LONGEST_ATTENTION} timesteps. Use a shorter sequence."
    work = timesteps**2 * first.layer.batch_size * first.layer.cell.hidden_size
    rows: tuple[Mapping[str, Draw], ...] = ({"input-gradients": inputs}, *([pictures] if pictures else []))
    return Panel(rows, too_long if untrained and not compared else "", work > MOST_IN_A_DRAG)
