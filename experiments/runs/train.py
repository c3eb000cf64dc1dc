"""Train runs to their end: several in lockstep; Ctrl-C ends them without loss."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

from experiments.runs.recorder import Recorder
from experiments.training.training import Step

__all__ = ["Recorder", "stop_at_signals", "train"]


def train(
    recorders: Sequence[Recorder],
    watch: Callable[[Recorder, Step], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Train runs in lockstep, each in turn by one step, until all have ended or `stop` is set; then commit everything.

    When one run commits, the others commit at the same step, so that readers see all of them at one step.

    Args:
        recorders: open runs; they are closed at the end.
        watch: called after each step.
        stop: checked between steps.

    Raises:
        RunError: the disk or another process stops one of them; the others are committed.
    """
    with ExitStack() as stack:
        for recorder in recorders:
            stack.enter_context(recorder)
        while not all(recorder.ended for recorder in recorders) and not (stop and stop.is_set()):
            before = time.monotonic()
            for recorder in recorders:
                step = None if recorder.ended else recorder.turn()
                if step is not None and watch is not None:
                    watch(recorder, step)
            behind = [r for r in recorders if not r.ended and r.commit_ended < before]
            if len(behind) < sum(not r.ended for r in recorders):
                for recorder in behind:
                    recorder.commit()


@contextmanager
def stop_at_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that the step is finished first; a second signal ends at once."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
