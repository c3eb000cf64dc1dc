"""Bars for runs that train: step, loss beside chance, gradient norm, clipped share, time left."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.train import Recorder
from experiments.training import Step

REDRAW_SECONDS = 0.1
KEPT = 0.98
"""Of the running mean of the loss, from one step to the next."""


@contextmanager
def watched(recorders: Sequence[Recorder], console: Console) -> Iterator[Callable[[Recorder, Step], None]]:
    """What `train` is to call after each step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
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
                training = recorder.training
                size = step.clipping.log_norm_before / math.log(10)
                norm = f"10^{size:.1f}" if math.isfinite(size) else str(size)
                clipped = training.clipped / max(training.step, 1)
                text = f"loss {means[key]:.3g} (chance {training.chance:.3g})  |g| {norm}  clipped {clipped:.0%}"
                progress.update(bars[key], completed=training.step, text=text)

        yield watch
