"""The engine of a sweep: it gives runs to a cluster's workers, one at a time each, until every run has ended.

The disk has the truth: a worker writes its result before it reports. If the sweep is started again, finished runs are
skipped and unfinished runs go on. The leases of runs keep several clients from doing the same run.
"""

import queue
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from experiments.runs.folder import PROBES
from experiments.runs.store.errors import RecordingError, RunError
from experiments.runs.store.lease import Holder, is_held, me
from experiments.runs.store.progress import read_progress
from experiments.sweeps.account import STOPPED, Account, Flight
from experiments.sweeps.cluster import ClusterError, check_workers
from experiments.sweeps.folder import Failure, Session, SweepFolder, disk_refused, tidy, write_failure, write_plan
from experiments.sweeps.index import Results, load_results
from experiments.sweeps.plan import Plan, PlannedRun
from experiments.sweeps.probes import probe_file
from experiments.sweeps.work import MOST_STARTS, Outcome, Work, perform

TURN_SECONDS = 0.2
"""Seconds that the engine waits for an outcome before it checks workers and files."""
SAY_SECONDS = 1.0
"""Seconds between two writes of its progress."""
HELD_SECONDS = 1.0
"""Seconds between two looks at runs that others work on."""
BATCH_SECONDS = 0.5
"""Seconds: shorter probes are given out several at a time, which together take about this long,"""
LARGEST_BATCH = 32
"""but at most so many."""
WORKERLESS_SECONDS = 120.0
"""Seconds that it waits for a worker after all workers have gone."""
STOP_SECONDS = 60.0
"""Seconds within which workers must stop."""


Landed = Future[list[Outcome]]


@dataclass(frozen=True)
class Report:
    """How a sweep ended."""

    results: Results
    ran: int
    """How many runs this client's workers finished."""
    worked: float
    """Seconds that workers spent on them."""
    stopped: bool
    """Whether somebody asked it to stop before its end."""


def run_sweep(
    plan: Plan,
    folder: SweepFolder,
    client: Client,
    stop: Event,
    watch: Callable[[Session], None] = lambda session: None,
    fail: Callable[[Failure], None] = lambda failure: None,
    retry: bool = False,
) -> Report:
    """Bring every run of the plan to its end.

    Args:
        plan: the runs; it becomes the sweep's plan.
        folder: the sweep's folder.
        client: a client of the cluster.
        stop: when set, workers stop at their next step, and everything is kept.
        watch: called about once a second.
        fail: called when a run fails.
        retry: whether to run earlier failures again.

    Raises:
        ClusterError: the cluster does not fit, or is lost; finished runs are kept.
        RecordingError: the disk refuses; finished runs are kept.
    """
    try:
        write_plan(folder, plan)
        tidy(folder)
    except OSError as error:
        raise disk_refused(folder, error) from None
    engine = Engine(plan, folder, client, stop, watch, fail, retry)
    try:
        engine.say()
        check_workers(client, folder.session(engine.holder.token))
        engine.run()
        results = load_results(folder, plan)
        engine.say(STOPPED if engine.stopping else "ended")
    except (ClusterError, RunError) as error:
        engine.ask_to_stop()
        with suppress(RunError):
            engine.say(str(error))
        raise
    except BaseException:
        engine.ask_to_stop()
        raise
    return Report(results, engine.account.ran, engine.account.worked, engine.stopping)


class Engine:
    """One client's view of a sweep: the runs left, those that workers have, those that others hold, and those ended."""

    def __init__(
        self,
        plan: Plan,
        folder: SweepFolder,
        client: Client,
        stop: Event,
        watch: Callable[[Session], None],
        fail: Callable[[Failure], None],
        retry: bool,
    ) -> None:
        self.plan, self.folder, self.client = plan, folder, client
        self.stop, self.fail = stop, fail
        self.holder: Holder = me()
        self.stopping, self.stop_began = False, 0.0
        self.account = Account(plan, folder, client, watch, self.holder)
        results = load_results(folder, plan)
        kept = results.errors if not retry else {}
        self.todo: deque[PlannedRun] = deque(
            run for run, done in zip(plan.runs, results.done, strict=True) if not done and run.name not in kept
        )
        for name in results.errors if retry else ():
            folder.failure(name).unlink(missing_ok=True)
        self.account.open(int(results.done.sum()), len(kept), self.todo)
        self.flying: dict[str, Flight] = {}
        self.held: dict[str, PlannedRun] = {}
        self.deaths: Counter[str] = Counter()
        self.landed: queue.SimpleQueue[Landed] = queue.SimpleQueue()
        self.futures: dict[str, Landed] = {}
        self.capacity, self.looked, self.said, self.held_looked = 0, 0.0, 0.0, 0.0
        self.submitted = 0
        self.manned = time.monotonic()
        """The last time at which there was a worker."""

    def run(self) -> None:
        """Work until no run is left, or until somebody asks to stop and all workers have reported."""
        while self.todo or self.flying or self.held:
            if self.stop.is_set() and not self.stopping:
                self.ask_to_stop()
            if self.stopping and (not self.flying or time.monotonic() - self.stop_began > STOP_SECONDS):
                return
            self.look_around()
            while self.todo and len(self.flying) < self.capacity:
                self.submit()
            with suppress(queue.Empty):
                self.land(self.landed.get(timeout=TURN_SECONDS))
                while True:
                    self.land(self.landed.get_nowait())

    def ask_to_stop(self) -> None:
        """Ask workers to stop at their next step; no more runs are given out."""
        self.stopping, self.stop_began = True, time.monotonic()
        self.todo.clear()
        self.held.clear()
        with suppress(OSError):  # on a full disk workers stop by themselves
            self.folder.stop_file(self.holder.token).touch()

    def look_around(self) -> None:
        """Now and then: look at the workers and at the runs of other clients, and write the progress."""
        now = time.monotonic()
        if now - self.looked > SAY_SECONDS:
            self.looked = now
            if self.client.status != "running":
                raise self.account.lost()
            with suppress(OSError, TimeoutError):
                self.capacity = len(self.client.nthreads())
            self.mind_workers(now)
        if now - self.held_looked > HELD_SECONDS:
            self.held_looked = now
            for run in list(self.held.values()):
                self.look_at_held(run)
        if now - self.said > SAY_SECONDS:
            self.said = now
            self.say()

    def mind_workers(self, now: float) -> None:
        """Raise an error if there is work and all workers have been gone for too long.

        Raises:
            ClusterError: no worker has come back. Dask restarts a local worker that dies, but gives up if that fails.
        """
        if self.capacity or not (self.todo or self.flying):
            self.manned = now
        elif now - self.manned > WORKERLESS_SECONDS and not self.stopping:
            raise ClusterError(
                f"all workers are gone, and none has come back for {WORKERLESS_SECONDS:.0f} s. Finished runs "
                "are kept; the same command continues the sweep."
            )

    def look_at_held(self, run: PlannedRun) -> None:
        """Check a run that another process works on: that process may have finished it, or died."""
        if self.is_done(run):
            del self.held[run.name]
            self.account.finish_elsewhere(run)
        elif not is_held(self.run_folder(run)):
            del self.held[run.name]
            self.todo.append(run)

    def run_folder(self, run: PlannedRun) -> Path:
        """The folder of a run, which holds its lease."""
        return self.folder.runs / PROBES / run.name if self.plan.kind == "probe" else self.folder.runs / run.name

    def is_done(self, run: PlannedRun) -> bool:
        """Whether a run has finished, according to the disk."""
        if self.plan.kind == "probe":
            return probe_file(self.folder.runs, run.name).exists()
        with suppress(RunError):
            return read_progress(self.run_folder(run)).status == "finished"
        return False

    def submit(self) -> None:
        """Give the next run, or a few short ones, to a worker."""
        runs = [self.todo.popleft() for _ in range(min(self.batch(), len(self.todo)))]
        self.submitted += 1
        key = f"{self.plan.name}-{self.holder.token}-{self.submitted}"
        configs = tuple(self.plan.config(run).model_dump() for run in runs)
        work = Work(str(self.folder.runs.resolve()), self.folder.name, self.holder.token, self.plan.kind, configs)
        try:
            future = self.client.submit(perform, work, key=key, pure=False)
        except (OSError, RuntimeError):
            raise self.account.lost() from None
        self.flying[key] = Flight(runs, time.monotonic())
        self.futures[key] = future  # a future that nobody holds is cancelled
        future.add_done_callback(self.landed.put)

    def batch(self) -> int:
        """How many probes take about half a second, so that no worker waits long for the others at the end."""
        if self.plan.kind == "run" or not self.account.ran or self.deaths:
            return 1
        fair = len(self.todo) // max(2 * self.capacity, 1)
        in_time = int(BATCH_SECONDS * self.account.ran / max(self.account.worked, 1e-9))
        return max(1, min(LARGEST_BATCH, fair, in_time))

    def land(self, future: Landed) -> None:
        """Take the report of a worker, or the news that it died."""
        flight = self.flying.pop(str(future.key), None)
        del self.futures[str(future.key)]
        if flight is None:
            return
        if future.status == "finished":
            outcomes = {outcome.run: outcome for outcome in future.result()}
            for run in flight.runs:
                self.take(run, outcomes[run.name])
        elif future.status == "error":
            error = future.exception()
            if not isinstance(error, KilledWorker):
                raise ClusterError(
                    f"a worker could not take its work ({type(error).__name__}: {error}); every worker must have this "
                    "version of the program. Finished runs are kept; the same command continues the sweep."
                )
            for run in flight.runs:
                self.killed(run)
        elif not self.stopping:
            raise self.account.lost()

    def killed(self, run: PlannedRun) -> None:
        """Dask gave up on a run, since each of its workers died. The next attempt runs it alone."""
        self.deaths[run.name] += 1
        if self.deaths[run.name] > MOST_STARTS:
            sentence = f"its worker died each of the {MOST_STARTS} times: it was killed, or out of memory."
            self.take(run, Outcome(run.name, "failed", sentence, starts=MOST_STARTS))
        elif not self.stopping:
            self.todo.append(run)

    def take(self, run: PlannedRun, outcome: Outcome) -> None:
        """Count the outcome of one run."""
        if outcome.result == "refused":
            raise RecordingError(
                f"{outcome.error.removesuffix('.')}. The sweep has stopped; {self.account.so_far('its')}; "
                "the same command continues it."
            )
        if outcome.result == "held" and not self.stopping:
            self.held[run.name] = run
        if outcome.result == "finished":
            self.account.finish(run, outcome.seconds)
        if outcome.result == "failed":
            self.account.fail(run)
            failure = Failure(run.name, outcome.error, outcome.trace, outcome.starts, time.time())
            try:
                write_failure(self.folder, failure)
            except OSError as error:
                raise disk_refused(self.folder, error) from None
            self.fail(failure)

    def say(self, ended: str = "") -> None:
        """Write the progress to the disk, for the page and other clients."""
        self.account.say(self.flying, self.capacity, ended)
