"""One recorded step of a run as pictures, and the profiles of all of them, to go through by hand."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from analysis.figures.heatmaps import colour_limit, gates_picture, hidden_picture
from analysis.figures.picture import Picture
from analysis.figures.recorded_profile import drawn, recorded_profile_picture
from analysis.figures.spectrum import eigenvalues_picture, singular_values_picture
from analysis.figures.theme import thinning_note
from analysis.spectrum import Spectrum, spectrum_of
from experiments.runs.pictures import top
from experiments.runs.store.reader import RunReader

LARGEST_PROFILES = 2 * 10**6
"""Bytes of all profiles together: what a browser is sent."""
MOST_TIMESTEPS = 500
"""Points of a profile's line."""


@dataclass(frozen=True, eq=False)
class Profiles:
    """The gradient profiles of a run's recorded steps, thinned to a bounded size."""

    row: Int[ndarray, " frame"]
    """Of the run's arrays."""
    step: Int[ndarray, " frame"]
    """Optimiser step."""
    drawn: Float[ndarray, "frame trace point"]
    """As `analysis.figures.recorded_profile.drawn` has them."""
    reach: tuple[float, float]
    """Smallest and largest finite nats."""
    every: int
    """Timesteps from one point to the next."""
    note: str
    """What was left out, for the page; empty where nothing was."""


def profiles(run: RunReader) -> Profiles:
    """Of the top layer.

    Raises:
        DamagedRunError: a chunk is damaged.
    """
    quantiles = run.tensor("log_norm_quantile")
    count, timesteps = len(quantiles), quantiles.shape[2]
    every = max(1, math.ceil(timesteps / MOST_TIMESTEPS))
    frame = 5 * 4 * math.ceil(timesteps / every)
    stride = max(1, math.ceil(count * frame / LARGEST_PROFILES))
    kept = np.swapaxes(quantiles[::stride, top(run)], 1, 2)
    finite = kept[np.isfinite(kept)]
    reach = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    note = thinning_note(every, stride, "timestep", "recorded step").strip()
    return Profiles(
        np.arange(count)[::stride], run.tensor("step")[::stride], drawn(kept, every, reach), reach, every, note
    )


def step_pictures(run: RunReader, row: int, every: int, reach: tuple[float, float]) -> dict[str, Picture]:
    """`profile`, `hidden`, `gates`, `eigenvalues`, `singular-values` of one recorded step, where they were kept.

    Args:
        run: a run.
        row: of its arrays.
        every: see `Profiles`.
        reach: see `Profiles`.

    Raises:
        DamagedRunError: a chunk is damaged.
    """
    cell, layer, length = run.config.cell, top(run), int(run.tensor("length")[row])
    quantiles = run.tensor("log_norm_quantile")[row, layer].T
    made = {"profile": recorded_profile_picture(cell, quantiles, every, reach)}
    hidden = run.tensor("hidden")[row, layer, :length]
    if hidden.size:
        made["hidden"] = hidden_picture(cell, hidden[:, 0], colour_limit([hidden[:, 0]]))
    if hidden.size and "gates" in run.tensors:
        gates = run.tensor("gates")[row, :, layer, :length, 0]
        made["gates"] = gates_picture(cell, dict(zip(run.attributes["gate"], gates, strict=True)))
    if "singular_values" not in run.tensors:
        return made
    blocks = {cell: spectra(run, row)}
    return made | {"eigenvalues": eigenvalues_picture(blocks), "singular-values": singular_values_picture(blocks)}


def spectra(run: RunReader, row: int) -> dict[str, Spectrum]:
    """Block → spectrum of the top layer's recurrent matrix at one recorded step."""
    singular_values = run.tensor("singular_values")[row, top(run)].astype(float)
    eigenvalues = run.tensor("eigenvalues")[row, top(run)].astype(float) @ (1, 1j)
    return {
        block: spectrum_of(s, e)
        for block, s, e in zip(run.attributes["block"], singular_values, eigenvalues, strict=True)
    }
