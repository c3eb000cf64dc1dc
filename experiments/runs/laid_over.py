"""The gradient profiles of several runs at common steps, for one slider over all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from analysis.figures.among import Among
from analysis.figures.laid_over import LaidOver, drawn_values, laid_over_picture
from analysis.figures.picture import Picture
from analysis.figures.reach import title_of_lines
from experiments.runs.pictures import lane_looks, thinned_rows
from experiments.runs.store.layout import MEDIAN
from experiments.runs.store.reader import RunReader

MOST_FRAMES = 200
MOST_POINTS = 500
"""Points of a line."""


@dataclass(frozen=True, eq=False)
class LaidOverRuns:
    """Profiles of several runs, one frame per step at which any of them was recorded."""

    step: Int[ndarray, " frame"]
    log_norm: Float[ndarray, "frame run lag"]
    """Nats, of the latest recorded step up to the frame's; NaN before a run's first and beyond its timesteps."""
    among: Among
    """The group of all frames."""
    readers: Sequence[RunReader]
    labels: Sequence[str]

    @property
    def frames(self) -> Float[ndarray, "frame run point"]:
        """What the chart draws at each frame."""
        return drawn_values(self.log_norm, self.among)

    @property
    def titles(self) -> list[str]:
        """The chart's title at each frame."""
        return [title_of_lines(self.labels, [*log_norm]) for log_norm in self.log_norm]

    @property
    def ranges(self) -> list[tuple[float, float]]:
        """The ends of the chart's vertical axis (log₁₀) at each frame."""
        return [self.among.of(log_norm).ends for log_norm in self.log_norm]

    def picture(self, frame: int) -> Picture:
        """The chart at one frame."""
        lines = [
            LaidOver(label, colour, dash, values)
            for (label, colour, dash), values in zip(
                lane_looks(self.readers, self.labels), self.log_norm[frame], strict=True
            )
        ]
        return laid_over_picture(lines, self.among.of(self.log_norm[frame]))


def lay_over(readers: Sequence[RunReader], labels: Sequence[str]) -> LaidOverRuns | None:
    """The profiles of the runs' top layers, forwards; None where none has recorded a step.

    Raises:
        DamagedRunError: a chunk is damaged.
    """
    recorded = [thinned_rows(reader, "step").astype(int) for reader in readers]
    every = np.unique(np.concatenate(recorded)) if recorded else np.empty(0, int)
    if not every.size:
        return None
    frames = every[np.unique(np.linspace(0, len(every) - 1, min(MOST_FRAMES, len(every))).round().astype(int))]
    longest = max(reader.tensor("log_norm_quantile").shape[2] for reader in readers)
    log_norm = np.full((len(frames), len(readers), longest), np.nan)
    for k, (reader, steps) in enumerate(zip(readers, recorded, strict=True)):
        if not steps.size:
            continue
        rows = np.searchsorted(steps, frames, side="right") - 1
        profiles = thinned_rows(reader, "log_norm_quantile")[:, reader.form.top, :, MEDIAN].astype(float)
        lengths = thinned_rows(reader, "length")
        for frame in np.flatnonzero(rows >= 0):
            T = int(lengths[rows[frame]])  # of a shorter step the rest of the row is empty
            own = profiles[rows[frame], :T][::-1]
            log_norm[frame, k, : len(own)] = own
    among = Among.all_of(log_norm, math.ceil(longest / MOST_POINTS))
    return LaidOverRuns(frames, log_norm, among, readers, labels)
