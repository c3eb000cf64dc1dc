"""Progress bars of trainings: step, loss, gradient norm, clipped share and time left, within the terminal's width."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.runs.train import Recorder
from experiments.training.training import Step, Training

REDRAW_SECONDS = 0.1
BARS = (4, 20)
"""Least and most characters of a bar."""
KEPT = 0.98
"""The share of the loss's running mean that each step keeps."""


@contextmanager
def watched(recorders: Sequence[Recorder], console: Console) -> Iterator[Callable[[Recorder, Step], None]]:
    """Show the bars; yields the function that `train` calls after each step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=max(BARS[0], min(console.width - longest_text(recorders), BARS[1]))),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=console.quiet) as progress:
        bars = {
            id(r): progress.add_task(r.folder.name, total=r.training.config.steps, completed=r.training.step, text="")
            for r in recorders
        }
        means: dict[int, float] = {}
        drawn: dict[int, float] = {}

        def watch(recorder: Recorder, step: Step) -> None:
            key, loss = id(recorder), float(str(step.scalars["loss"]))
            mean = means.get(key, math.nan)
            means[key] = KEPT * mean + (1 - KEPT) * loss if math.isfinite(mean) else loss
            now = time.monotonic()
            if now - drawn.get(key, 0.0) > REDRAW_SECONDS or recorder.ended:
                drawn[key] = now
                text = line(recorder.training, means[key], step.clipping.log_norm_before / math.log(10))
                progress.update(bars[key], completed=recorder.training.step, text=text)

        yield watch


def line(training: Training, loss: float, size: float) -> str:
    """Loss, log10 of the gradient's norm and, with a threshold, the share of clipped steps."""
    norm = f"10^{size:.1f}" if math.isfinite(size) else str(size)
    clipped = "" if training.clip_threshold is None else f" clipped {training.clipped / max(training.step, 1):.0%}"
    return f"loss {loss:.3g} |g| {norm}{clipped}"


def longest_text(recorders: Sequence[Recorder]) -> int:
    """Most characters of a line beside its bar: name, steps, text, time left and the spaces between them."""
    text = len("loss 0.00123 |g| 10^-12.3 clipped 100%")
    return (
        max(len(r.folder.name) + 2 * len(str(r.training.config.steps)) + 1 for r in recorders)
        + text
        + len("0:00:00")
        + 4
    )
