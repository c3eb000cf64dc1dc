"""The progress of a client's sweep: the finished runs, the time left, and the present work of each worker.

The engine reports each end to an `Account`; the page, the terminal and other clients read its summary.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from distributed import Client

from analysis.wording import are, counted
from experiments.runs.store.errors import RunError
from experiments.runs.store.lease import Holder
from experiments.runs.store.progress import read_progress
from experiments.sweeps.cluster import ClusterError
from experiments.sweeps.estimate import cost
from experiments.sweeps.folder import Session, SweepFolder, disk_refused, write_session
from experiments.sweeps.plan import Plan, PlannedRun

STOPPED = "was stopped"
"""How a client ended whose workers were asked to end before all runs were done."""


@dataclass
class Flight:
    """Runs that a worker has at the moment."""

    runs: list[PlannedRun]
    began: float


class Account:
    """Sums over a sweep's runs, as one client sees them."""

    def __init__(
        self,
        plan: Plan,
        folder: SweepFolder,
        client: Client,
        watch: Callable[[Session], None],
        holder: Holder,
    ) -> None:
        self.plan, self.folder, self.client = plan, folder, client
        self.watch, self.holder = watch, holder
        self.began = time.time()
        self.before, self.finished, self.failed, self.ran = 0, 0, 0, 0
        self.worked, self.cost_done, self.cost_left = 0.0, 0.0, 0.0

    def open(self, finished: int, failed: int, todo: Iterable[PlannedRun]) -> None:
        """Begin with the state on the disk."""
        self.before, self.finished, self.failed = finished, finished, failed
        self.cost_left = sum(self.cost(run) for run in todo)

    def finish(self, run: PlannedRun, seconds: float) -> None:
        """Count a run that a worker of this client finished, and its seconds."""
        self.finished += 1
        self.ran += 1
        self.worked += seconds
        self.cost_done += self.cost(run)
        self.cost_left -= self.cost(run)

    def finish_elsewhere(self, run: PlannedRun) -> None:
        """Count a run that another client finished."""
        self.finished += 1
        self.cost_left -= self.cost(run)

    def fail(self, run: PlannedRun) -> None:
        """Count a run that raised an error, or whose workers died."""
        self.failed += 1
        self.cost_left -= self.cost(run)

    def cost(self, run: PlannedRun) -> float:
        """The work of a run, in arbitrary units."""
        return cost(self.plan.config(run), self.plan.kind)

    def say(self, flying: Mapping[str, Flight], capacity: int, ended: str = "") -> None:
        """Write the progress to the disk, for the page and other clients.

        Args:
            flying: the runs that workers have, by their keys on the cluster.
            capacity: the number of workers.
            ended: how the sweep ended, in a sentence; empty while it runs.

        Raises:
            RecordingError: the disk refuses.
        """
        session = Session(
            self.holder, self.began, time.time(), len(self.plan.runs), self.finished, self.failed, self.before,
            self.seconds_left(flying, capacity), self.workers(flying), ended,
        )  # fmt: skip
        try:
            write_session(self.folder, session)
        except OSError as error:
            raise disk_refused(self.folder, error) from None
        self.watch(session)

    def seconds_left(self, flying: Mapping[str, Flight], capacity: int) -> float | None:
        """Time left, estimated from the finished runs; None before the first has finished."""
        if not self.cost_done:
            return None
        done = sum(time.monotonic() - flight.began for flight in flying.values())
        return max(self.worked / self.cost_done * self.cost_left - done, 0.0) / max(capacity, 1)

    def workers(self, flying: Mapping[str, Flight]) -> dict[str, str]:
        """Worker → its present work, in words."""
        try:
            busy = self.client.processing()
        except Exception:  # a cluster that is being lost, which the engine finds out
            return {}
        return {
            worker: ", ".join(self.words(flying.get(key)) for key in keys) or "waits" for worker, keys in busy.items()
        }

    def words(self, flight: Flight | None) -> str:
        """The work of a worker in words; None for work that another client sent."""
        if flight is None:
            return "other work"
        first, more = flight.runs[0], len(flight.runs) - 1
        seconds = time.monotonic() - flight.began
        if self.plan.kind == "run":
            with suppress(RunError):
                step = read_progress(self.folder.runs / first.name).step
                return f"run {first.name}: step {step} of {self.plan.config(first).steps}, {seconds:.0f} s"
        return f"{first.name}{f' and {more} more' if more else ''}, {seconds:.0f} s"

    def so_far(self, whose: str) -> str:
        """How many runs are finished, in words."""
        runs = counted(len(self.plan.runs), "run")
        return f"{self.finished} of {whose} {runs} {are(self.finished)} finished and kept"

    def lost(self) -> ClusterError:
        """The error for a scheduler that is gone."""
        kept = self.so_far("the sweep's")
        return ClusterError(
            f"the connection to the scheduler is lost; {kept}. Start the scheduler again if it was yours; the same "
            "command continues the sweep."
        )
