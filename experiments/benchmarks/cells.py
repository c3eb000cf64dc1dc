"""Time a GRU's training pass beside an LSTM's, on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.benchmarks.steps import step_of, timed

Track = tuple[str, tuple[int, int, int]]
"""One of `steps.WAYS`, and timesteps, batch size, hidden size."""
FEWEST, MOST = 3, 20
"""Rounds, after one that is not counted."""


@dataclass(frozen=True)
class Race:
    """Milliseconds of one forward and backward pass of each cell: the shortest of all rounds."""

    gru: float
    lstm: float

    @property
    def ratio(self) -> float:
        """GRU ÷ LSTM."""
        return self.gru / self.lstm


def races(tracks: Sequence[Track], seconds: float) -> list[Race]:
    """Time both cells on every track, in rounds over all tracks, so that other work on the machine slows all alike.

    The shortest time is kept, as `timeit` advises: longer times come from other work on the machine.

    Args:
        tracks: at least one.
        seconds: no new round begins after this time.
    """
    steps = [(step_of(way, "gru", size), step_of(way, "lstm", size)) for way, size in tracks]
    times: list[list[tuple[float, float]]] = []
    end = time.perf_counter() + seconds
    while len(times) <= FEWEST or (len(times) <= MOST and time.perf_counter() < end):
        times.append([(timed(gru), timed(lstm)) for gru, lstm in steps])
    shortest = (zip(*of_track, strict=True) for of_track in zip(*times[1:], strict=True))
    return [Race(1e3 * min(gru), 1e3 * min(lstm)) for gru, lstm in shortest]
