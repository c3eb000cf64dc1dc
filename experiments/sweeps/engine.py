"""The engine: hands runs to a cluster's workers, one at a time each, and sees every one of them to an end.

The truth is on the disk. A worker keeps what it has done before it says so; whoever starts the sweep again skips what
is finished, goes on with what was begun, and meets whoever else works on it at the runs' leases.
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
from experiments.sweeps.account import Account, Flight
from experiments.sweeps.cluster import ClusterError, check_workers
from experiments.sweeps.folder import Failure, Session, SweepFolder, disk_refused, tidy, write_failure, write_plan
from experiments.sweeps.index import Results, load_results
from experiments.sweeps.plan import Plan, PlannedRun
from experiments.sweeps.probes import probe_file
from experiments.sweeps.work import MOST_STARTS, Outcome, Work, perform

TURN_SECONDS = 0.2
"""How long the engine waits for an outcome before it looks around."""
SAY_SECONDS = 1.0
"""How often it says how far it is."""
HELD_SECONDS = 1.0
"""How often it looks at runs that others work on."""
BATCH_SECONDS = 0.5
"""Probes that take less are handed out several at a time, as many as take about so long,"""
LARGEST_BATCH = 32
"""but at most so many."""
WORKERLESS_SECONDS = 120.0
"""How long it waits for a first worker to come back when all have gone."""
STOP_SECONDS = 60.0
"""How long workers may take to come to a stop."""


Landed = Future[list[Outcome]]


@dataclass(frozen=True)
class Report:
    """How a sweep ended."""

    results: Results
    ran: int
    """Runs that this client's workers finished."""
    worked: float
    """Seconds that workers spent on those."""
    stopped: bool
    """Whether it was asked to stop before its end."""


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
        plan: what to run; it becomes the sweep's plan.
        folder: where the sweep's own files are.
        client: of a cluster.
        stop: when set, workers stop at their next step and all is kept.
        watch: called about once a second.
        fail: called when a run fails.
        retry: whether runs that failed before are run again.

    Raises:
        ClusterError: the cluster does not fit, or is lost; what is finished is kept.
        RecordingError: the disk refuses; what is finished is kept.
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
        engine.say("was stopped" if engine.stopping else "ended")
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
    """One client's view of a sweep: what is to do, what is on its way, what others hold, what is over."""

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
        """When there was a worker last."""

    def run(self) -> None:
        """Until nothing is left, or a stop is asked for and everything on its way has come back."""
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
        """Let workers stop at their next step; nothing more is handed out."""
        self.stopping, self.stop_began = True, time.monotonic()
        self.todo.clear()
        self.held.clear()
        with suppress(OSError):  # on a full disk workers stop by themselves
            self.folder.stop_file(self.holder.token).touch()

    def look_around(self) -> None:
        """Who works, what others have finished, and how far it all is; each now and then."""
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
        """Nothing, unless there is work and all workers have been gone for long.

        Raises:
            ClusterError: none has come back: Dask restarts a local worker that dies, but gives up where that fails.
        """
        if self.capacity or not (self.todo or self.flying):
            self.manned = now
        elif now - self.manned > WORKERLESS_SECONDS and not self.stopping:
            raise ClusterError(
                f"all workers are gone, and none has come back for {WORKERLESS_SECONDS:.0f} s. What is finished is "
                "kept, and the same command goes on."
            )

    def look_at_held(self, run: PlannedRun) -> None:
        """A run that another process works on: it may have finished it, or died."""
        if self.is_done(run):
            del self.held[run.name]
            self.account.finish_elsewhere(run)
        elif not is_held(self.run_folder(run)):
            del self.held[run.name]
            self.todo.append(run)

    def run_folder(self, run: PlannedRun) -> Path:
        """Where a run keeps its lease."""
        return self.folder.runs / PROBES / run.name if self.plan.kind == "probe" else self.folder.runs / run.name

    def is_done(self, run: PlannedRun) -> bool:
        """Whether the disk has a run's end."""
        if self.plan.kind == "probe":
            return probe_file(self.folder.runs, run.name).exists()
        with suppress(RunError):
            return read_progress(self.run_folder(run)).status == "finished"
        return False

    def submit(self) -> None:
        """Hand the next run, or the next few short ones, to a worker."""
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
        """Probes that take about half a second, so that none waits long for the others at the end."""
        if self.plan.kind == "run" or not self.account.ran or self.deaths:
            return 1
        fair = len(self.todo) // max(2 * self.capacity, 1)
        in_time = int(BATCH_SECONDS * self.account.ran / max(self.account.worked, 1e-9))
        return max(1, min(LARGEST_BATCH, fair, in_time))

    def land(self, future: Landed) -> None:
        """What a worker says, or what became of it."""
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
                    "version of the program. What is finished is kept, and the same command goes on."
                )
            for run in flight.runs:
                self.killed(run)
        elif not self.stopping:
            raise self.account.lost()

    def killed(self, run: PlannedRun) -> None:
        """The scheduler has given a run up: each of its workers has died. The next attempt is by itself."""
        self.deaths[run.name] += 1
        if self.deaths[run.name] > MOST_STARTS:
            sentence = f"its worker died each of the {MOST_STARTS} times that it was begun: killed, or out of memory."
            self.take(run, Outcome(run.name, "failed", sentence, starts=MOST_STARTS))
        elif not self.stopping:
            self.todo.append(run)

    def take(self, run: PlannedRun, outcome: Outcome) -> None:
        """How it ended for one run."""
        if outcome.result == "refused":
            raise RecordingError(
                f"{outcome.error.removesuffix('.')}. The sweep has stopped; {self.account.so_far('its')}, and "
                "the same command goes on."
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
        """Put how far it is where the page and other clients see it."""
        self.account.say(self.flying, self.capacity, ended)
