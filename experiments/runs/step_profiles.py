"""The gradient profiles of a run's recorded steps, for the slider of the page Runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from analysis.cell_state import CellStateProfile
from analysis.figures.among import Among
from analysis.figures.headline import title_of_step
from analysis.figures.picture import Picture
from analysis.figures.profile import profile_frames, profile_picture
from analysis.figures.theme import thinning_note
from analysis.profile import Profile, profile_of_sizes
from experiments.runs.store.layers import lengths_at
from experiments.runs.store.layout import MEDIAN
from experiments.runs.store.reader import RunReader
from models.bptt.lengths import ended_together

LARGEST_PROFILES = 2 * 10**6
"""Most bytes of all profiles together, which are sent to the browser."""
MOST_TIMESTEPS = 500
"""Most points of a profile's line."""
TRACES, NUMBER_BYTES = 5, 4


@dataclass(frozen=True, eq=False)
class Profiles:
    """The gradient profiles of a run's recorded steps, thinned to a bounded size."""

    step: Int[ndarray, " frame"]
    """Optimiser step."""
    frames: Float[ndarray, "frame trace point"]
    """The y values of each picture, from `analysis.figures.profile.profile_frames`."""
    amongs: Sequence[Among]
    """The group with which each picture is drawn."""
    titles: Sequence[str]
    """Of each picture."""
    note: str
    """A sentence for the page about steps that were left out; empty if none were."""

    @property
    def ranges(self) -> list[tuple[float, float]]:
        """The ends of each picture's vertical axis (log₁₀)."""
        return [among.ends for among in self.amongs]

    def among_at(self, step: int) -> Among:
        """The group with which the picture of an optimiser step is drawn."""
        return self.amongs[self.step.tolist().index(step)]


def profiles(run: RunReader, layer: int | None = None) -> Profiles:
    """The profiles of a layer, in the order of torch's `h_n`; of the top one, forwards, if none is named.

    Raises:
        DamagedRunError: a chunk is damaged.
    """
    quantiles = run.tensor("log_norm_quantile")
    count, timesteps = len(quantiles), quantiles.shape[2]
    every = max(1, math.ceil(timesteps / MOST_TIMESTEPS))
    frame_bytes = TRACES * NUMBER_BYTES * math.ceil(timesteps / every)
    stride = max(1, math.ceil(count * frame_bytes / LARGEST_PROFILES))
    kept = quantiles[::stride, run.form.top if layer is None else layer].astype(float)
    titles = [title_of_step(median, _is_reverse(run, layer)) for median in kept[..., MEDIAN]]
    among = Among.all_of(kept, every)
    amongs = [among.of(one) for one in kept]
    frames = np.stack(
        [profile_frames(low, median, high, own) for (low, median, high), own in zip(kept.mT, amongs, strict=True)]
    )
    note = thinning_note(every, stride, "timestep", "recorded step").strip()
    return Profiles(run.tensor("step")[::stride], frames, amongs, titles, note)


def profile_at(run: RunReader, row: int, layer: int | None = None) -> Profile:
    """A layer's profile over the whole batch at one recorded step; its direct gradients are not known.

    The layer is as in `profiles`.

    Raises:
        DamagedRunError: a chunk is damaged.
    """
    log_norm, padded = run.tensor("log_norm")[row, run.form.top if layer is None else layer].astype(float), 0
    lengths = lengths_at(run, row, len(log_norm)) if run.form.unequal else None
    if lengths is not None:
        padded = int((len(log_norm) - lengths).sum())
        log_norm = ended_together(torch.from_numpy(log_norm), lengths).numpy()
    dtype, unknown = getattr(torch, run.form.dtype), np.full_like(log_norm, np.nan)
    return profile_of_sizes(log_norm, unknown, dtype, _is_reverse(run, layer), padded)


def _is_reverse(run: RunReader, layer: int | None) -> bool:
    """Whether a layer reads from the last input to the first."""
    return run.form.stack.num_directions == 2 and layer is not None and layer % 2 == 1


def step_picture(run: RunReader, p: Profile, among: Among, cell_state: CellStateProfile | None = None) -> Picture:
    """One recorded step's profile, drawn as on Explore; profiles of other steps may replace it."""
    cell = run.form.stack.cell
    states = {} if cell_state is None else {cell: cell_state}
    return profile_picture({cell: p}, {}, run.form.dtype, among=among, cell_states=states)
