"""Two cells on the clock: a GRU's training pass against an LSTM's, on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.benchmarks.steps import step_of, timed

Track = tuple[str, tuple[int, int, int]]
"""One of `benchmark_steps.WAYS`, and timesteps, batch size, hidden size."""


@dataclass(frozen=True)
class Race:
    """One forward and backward pass of each cell: milliseconds, the shortest of all rounds."""

    gru: float
    lstm: float

    @property
    def ratio(self) -> float:
        """GRU ÷ LSTM."""
        return self.gru / self.lstm


def races(tracks: Sequence[Track], seconds: float, fewest: int = 3, most: int = 20) -> list[Race]:
    """Both cells on every track, in rounds that go through all of them: what else the machine does meets all alike.

    The shortest time is kept, as `timeit` advises: what makes a pass longer is not the pass.

    Args:
        tracks: at least one.
        seconds: after so many no further round begins.
        fewest: rounds in any case, after one that is not counted.
        most: rounds.
    """
    steps = [(step_of(way, "gru", size), step_of(way, "lstm", size)) for way, size in tracks]
    times: list[list[tuple[float, float]]] = []
    end = time.perf_counter() + seconds
    while len(times) <= fewest or (len(times) <= most and time.perf_counter() < end):
        times.append([(timed(gru), timed(lstm)) for gru, lstm in steps])
    shortest = (zip(*of_track, strict=True) for of_track in zip(*times[1:], strict=True))
    return [Race(1e3 * min(gru), 1e3 * min(lstm)) for gru, lstm in shortest]
