"""The panel Inputs: which input the loss hears."""

from analysis.figures.inputs import input_gradients_picture
from analysis.figures.picture import Picture
from dashboard.explore.panel import MOST_IN_A_DRAG, Panel, Passes
from experiments.probing.input_gradients import LONGEST_ATTENTION, attention_log_norm, input_log_norm
from experiments.probing.probe import Probe


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
        return input_gradients_picture(
            sizes, attention_log_norm(first.experiment) if compared and isinstance(first, Probe) else None
        )

    too_long = f"Self-attention is computed here only for up to {LONGEST_ATTENTION} timesteps. Use a shorter sequence."
    work = timesteps**2 * first.top.batch_size * first.top.cell.hidden_size
    return Panel(({"input-gradients": inputs},), too_long if untrained and not compared else "", work > MOST_IN_A_DRAG)
