"""Time the two heavy analyses beside their matrix products, in one run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.table import Table
from torch import Tensor

from analysis.credit import credit
from analysis.jacobian import state_jacobian
from analysis.lyapunov import lyapunov
from experiments.commands.terminal import output
from models import SequenceModel, Trace, direct_gradients, record
from models.bptt.threads import use_one_thread

AT_MOST = 10.0
"""Most allowed ratio to the matrix products, which no implementation can leave out."""

ROUNDS = 3
"""Rounds. Each times the analysis, then its products, so that a busy machine slows both; the fastest of each counts."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one analysis and of its matrix products."""

    name: str
    analysis: float
    products: float

    @property
    def ratio(self) -> float:
        """Time of the analysis ÷ time of its products."""
        return self.analysis / self.products


def main(steps: int = 1000, rounds: int = ROUNDS) -> list[Timing]:
    """Time both on one thread in float64, print one table, and return the timings.

    Args:
        steps: length of the sequence for the Lyapunov spectrum.
        rounds: how often each is timed.
    """
    threads = torch.get_num_threads()
    use_one_thread()  # of the analysis and of its products alike
    try:
        timings = [time_lyapunov(steps, rounds), *(time_credit(cell, rounds) for cell in ("elman", "lstm", "gru"))]
    finally:
        torch.set_num_threads(threads)
    output().print(table(timings))
    return timings


def time_lyapunov(steps: int, rounds: int) -> Timing:
    """All 256 exponents of an LSTM of 128 units, beside one product J[t] @ Q per step."""
    _, trace = recorded("lstm", 128, steps, 1)
    J = state_jacobian(trace.top.in_order()[:16, torch.tensor(0)])
    Q, _ = torch.linalg.qr(J[0])

    def products() -> None:
        for t in range(steps):
            torch.matmul(J[t % len(J)], Q)

    return interleaved(f"Lyapunov, lstm, H 128, {steps} steps", lambda: lyapunov(trace.top), products, rounds)


def time_credit(cell: str, rounds: int) -> Timing:
    """The credit matrix at T = 200, H = 64, batch 16, beside [T − k] rows times J[k] at each step and sample."""
    T, H, B = 200, 64, 16
    model, trace = recorded(cell, H, T, B)
    J = state_jacobian(trace.top.in_order()[T // 2])
    rows = torch.randn(B, T, J.shape[-1], dtype=J.dtype, generator=torch.Generator().manual_seed(0))

    def products() -> None:
        for k in range(T):
            torch.matmul(rows[:, k:], J)

    return interleaved(
        f"credit, {cell}, T 200, H 64, batch 16",
        lambda: credit(trace.layers, direct_gradients(model, trace, square)),
        products,
        rounds,
    )


def square(outputs: Tensor) -> Tensor:
    """A loss at every timestep: [time, batch]."""
    return outputs.square().sum(dim=-1)


def recorded(cell: str, hidden_size: int, seq_len: int, batch_size: int) -> tuple[SequenceModel, Trace]:
    """A network with torch's default weights, and one pass through it."""
    generator = torch.Generator().manual_seed(0)
    model = SequenceModel(cell, 2, hidden_size, 1, generator=generator, dtype=torch.float64)
    inputs = torch.randn(seq_len, batch_size, 2, dtype=torch.float64, generator=generator)
    return model, record(model, inputs, lambda outputs: square(outputs).mean())


def interleaved(name: str, analysis: Callable[[], object], products: Callable[[], None], rounds: int) -> Timing:
    """The fastest of `rounds` of each, timed in turn."""
    analysis_times, product_times = [], []
    for _ in range(rounds):
        analysis_times.append(seconds(analysis))
        product_times.append(seconds(products))
    return Timing(name, min(analysis_times), min(product_times))


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def table(timings: list[Timing]) -> Table:
    """One row per analysis."""
    made = Table("analysis", title="Analyses against the matrix products that they consist of (float64, one thread)")
    for heading in ("takes", "products", "ratio", f"within {AT_MOST:g}×"):
        made.add_column(heading, justify="right")
    for timing in timings:
        held = "yes" if timing.ratio <= AT_MOST else "no"
        made.add_row(timing.name, f"{timing.analysis:.2f} s", f"{timing.products:.2f} s", f"{timing.ratio:.1f}×", held)
    return made


if __name__ == "__main__":
    main()
