"""How far a client's sweep is: what is over, how long the rest will take, and what each worker does now.

The engine tells an `Account` what ends; the page, the terminal and other clients read what it says.
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


@dataclass
class Flight:
    """Some runs on their way."""

    runs: list[PlannedRun]
    began: float


class Account:
    """The sums over a sweep's runs as one client sees them."""

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
        """Begin with what the disk has."""
        self.before, self.finished, self.failed = finished, finished, failed
        self.cost_left = sum(self.cost(run) for run in todo)

    def finish(self, run: PlannedRun, seconds: float) -> None:
        """A worker of this client has brought a run to its end, and took so long."""
        self.finished += 1
        self.ran += 1
        self.worked += seconds
        self.cost_done += self.cost(run)
        self.cost_left -= self.cost(run)

    def finish_elsewhere(self, run: PlannedRun) -> None:
        """Another client has brought a run to its end."""
        self.finished += 1
        self.cost_left -= self.cost(run)

    def fail(self, run: PlannedRun) -> None:
        """A run has raised, or its workers have died."""
        self.failed += 1
        self.cost_left -= self.cost(run)

    def cost(self, run: PlannedRun) -> float:
        """Its work, in arbitrary units."""
        return cost(self.plan.config(run), self.plan.kind)

    def say(self, flying: Mapping[str, Flight], capacity: int, ended: str = "") -> None:
        """Put how far it is where the page and other clients see it.

        Args:
            flying: what is on its way, by its key on the cluster.
            capacity: how many workers there are.
            ended: how the sweep ended, in a sentence; empty while it works.

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
        """Time left, from what the finished ones took; None before the first."""
        if not self.cost_done:
            return None
        done = sum(time.monotonic() - flight.began for flight in flying.values())
        return max(self.worked / self.cost_done * self.cost_left - done, 0.0) / max(capacity, 1)

    def workers(self, flying: Mapping[str, Flight]) -> dict[str, str]:
        """Worker → what it does."""
        try:
            busy = self.client.processing()
        except Exception:  # a cluster that is being lost, which the engine finds out
            return {}
        return {
            worker: ", ".join(self.words(flying.get(key)) for key in keys) or "waits" for worker, keys in busy.items()
        }

    def words(self, flight: Flight | None) -> str:
        """What a worker does that has this; None is for what this client has not sent."""
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
        """The sentence for a scheduler that is gone."""
        kept = self.so_far("the sweep's")
        return ClusterError(
            f"the connection to the scheduler is lost; {kept}. Start the scheduler again if it was yours, and the same "
            "command goes on."
        )
