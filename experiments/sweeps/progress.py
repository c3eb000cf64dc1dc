"""The progress of a sweep in the terminal: all runs, each worker, each failure, and the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from analysis.wording import are, counted, duration
from experiments.config.words import visible
from experiments.sweeps.engine import Report
from experiments.sweeps.folder import Failure, Session

QUIET_STEPS = 20
"""Number of progress lines if the output is not a terminal, where no bar can move."""


@contextmanager
def watched(console: Console) -> Iterator[tuple[Callable[[Session], None], Callable[[Failure], None]]]:
    """Show the progress; yields the functions that the engine calls once a second, and when a run fails."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, disable=console.quiet or not console.is_terminal) as progress:
        overall = progress.add_task("runs", total=None, text="")
        lines: dict[str, int] = {}
        said = -1

        def watch(session: Session) -> None:
            nonlocal said
            done = session.finished + session.failed
            progress.update(overall, total=session.total, completed=done, text=left(session))
            for worker, words in session.workers.items():
                if worker not in lines:
                    lines[worker] = int(progress.add_task(f"  {worker}", total=None, text=""))
                progress.update(lines[worker], text=words)  # type: ignore[arg-type]
            for gone in [worker for worker in lines if worker not in session.workers]:
                progress.remove_task(lines.pop(gone))  # type: ignore[arg-type]
            part = QUIET_STEPS * done // max(session.total, 1)
            if not console.is_terminal and part != said:
                said = part
                console.print(f"{done} of {counted(session.total, 'run')}, {left(session)}", highlight=False)

        def fail(failure: Failure) -> None:
            console.print(visible(f"run {failure.run} failed: {failure.error}"), highlight=False, markup=False)

        yield watch, fail


def left(session: Session) -> str:
    """Failures and time left, in words."""
    failed = f"{session.failed} failed, " if session.failed else ""
    return failed + ("no time known yet" if session.seconds_left is None else f"{duration(session.seconds_left)} left")


def ending(report: Report, command: str) -> str:
    """How the sweep ended, in a few sentences."""
    results = report.results
    total, done = len(results.plan.runs), int(results.done.sum())
    failed, diverged = int((results.status == "failed").sum()), int((results.status == "diverged").sum())
    parts = [f"sweep {results.plan.name}: {done} of {counted(total, 'run')} {are(done)} finished"]
    parts += [f"{diverged} of them diverged"] if diverged else []
    parts += [f"{failed} failed"] if failed else []
    words = ", ".join(parts) + f"; {report.ran} ran just now."
    missing = total - done - failed
    if missing:
        words += f" {missing} {are(missing)} left; everything is kept. Continue with: {command}"
    if failed:
        words += " `--retry-failed` runs the failed ones again."
    return words
