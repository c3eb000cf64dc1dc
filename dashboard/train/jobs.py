"""Training processes that the pages start. They write run folders and outlive the page."""

import os
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import orjson
import streamlit as st

from dashboard.server.quotas import SECONDS, check_queue, check_runs
from dashboard.server.serving import is_personal, workers
from dashboard.server.visitor import visitor
from dashboard.train.job_queue import Job, order_jobs
from dashboard.train.programs import programs
from experiments.config.run_config import RunConfig
from experiments.copies import Program
from experiments.errors import ConfigError
from experiments.runs.control import read_control
from experiments.runs.folder import free_name, runs_folder

RUNS = runs_folder().resolve()
"""Where runs are kept: the same folder as the command line's, seen from where the server was started."""
INTERRUPTED, TERMINATED = 130, -15
"""Status of a process that was asked to stop: after its last step, and before its first."""
ENDING_SECONDS = 60.0
"""How long a process that was asked to stop may take for its last step."""
MOST_REMEMBERED = 1000
"""Runs whose last job is remembered, so that a page can say why it ended."""


class Jobs:
    """All jobs of this server: those that train, at most one per core, and those that wait for a free one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting: list[Job] = []
        self.working: list[Job] = []
        self.latest: dict[str, Job] = {}
        """Run's name → the job that was last asked for."""
        self.served: dict[str, int] = {}
        """Visitor → the number of the start that was theirs."""
        self.starts = 0
        self.lock = threading.RLock()

    def ask(self, job: Job) -> Job:
        """Begin a job, or let it wait for its turn; it then begins by itself.

        Raises:
            ConfigError: one of its runs waits or trains already.
        """
        with self.lock:
            for name in job.runs:
                if self.is_taken(name):
                    raise ConfigError(f"Run {name} is already training or waiting; open it instead.")
            self.waiting.append(job)
            for name in job.runs:
                self.latest.pop(name, None)
                self.latest[name] = job
            for name in [n for n, j in self.latest.items() if j.over][: max(len(self.latest) - MOST_REMEMBERED, 0)]:
                del self.latest[name]
            self.advance()
        return job

    def is_taken(self, name: str) -> bool:
        """Whether a job has this run now."""
        job = self.latest.get(name)
        return job is not None and not job.over

    def pending(self, identity: str, visitor: str) -> str | None:
        """The name of this visitor's run of these settings that waits or trains."""
        jobs = [job for job in (*self.working, *self.waiting) if job.visitor == visitor and not job.over]
        names = [name for job in jobs for name in job.runs if name.partition("-")[0] == identity]
        return names[-1] if names else None

    def of(self, names: Sequence[str]) -> list[Job]:
        """The last jobs of these runs, each once."""
        return list(dict.fromkeys(job for job in (self.latest.get(name) for name in names) if job is not None))

    def runs_before(self, job: Job) -> int:
        """How many runs will start before this job does."""
        with self.lock:
            order = order_jobs(self.waiting, self.working, self.served)
            before = order[: order.index(job)] if job in order else []
        return sum(len(other.runs) for other in before)

    def leave(self, job: Job) -> None:
        """Take a job that waits out of the queue; of one that trains, end the process after the current step."""
        with self.lock:
            if job in self.waiting:
                self.waiting.remove(job)
                job.over = True
            else:
                job.stop()

    def advance(self) -> None:
        """Begin what can begin; where nothing can, let paused runs give their core to what waits."""
        with self.lock:
            while self.waiting and len(self.working) < self.most:
                self.begin(order_jobs(self.waiting, self.working, self.served)[0])
            for job in self.working if self.waiting else ():
                if all(_is_paused(name) for name in job.runs):
                    job.stop()  # it commits; *Resume* goes on with it

    def begin(self, job: Job) -> None:
        """Start a job's process, and a thread that waits for its end."""
        self.waiting.remove(job)
        self.starts += 1
        self.served[job.visitor] = self.starts
        RUNS.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix="training-", suffix=".log")
        os.close(number)
        said = Path(name)
        try:
            job.process = programs.start([*job.arguments, "--quiet", "--runs", str(RUNS)], said)
        except OSError as error:
            job.over, job.error = True, f"The training process cannot start ({(error.strerror or '').lower()})."
            said.unlink()
            return
        self.working.append(job)
        threading.Thread(target=self.attend, args=(job, job.process, said), daemon=True).start()

    def attend(self, job: Job, process: Program, said: Path) -> None:
        """Wait until the process ends, keep why, and begin what waits."""
        note = None
        try:
            status = process.wait(job.seconds)
        except subprocess.TimeoutExpired:
            note = (
                f"Stopped after {(job.seconds or 0) / 60:.0f} minutes, the limit of this server. Press Resume to go on."
            )
            job.stop()
            try:
                status = process.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
        job.error = note or describe_end(status, said.read_text(encoding="utf-8", errors="replace"))
        said.unlink()
        with self.lock:
            job.over = True
            self.working.remove(job)
            self.advance()


def _is_paused(name: str) -> bool:
    """Whether somebody wants the run to wait."""
    control = read_control(RUNS / name)
    return control is not None and control.pause and not control.stop


def describe_end(status: int, said: str) -> str | None:
    """Why a process ended, in a sentence; None where it ended well, or because it was asked to."""
    if status in (0, INTERRUPTED, TERMINATED):
        return None
    last = (said.strip().splitlines() or [""])[-1]
    if last.startswith("error: "):
        return last.removeprefix("error: ")
    sys.stderr.write(said)  # for the person whose server this is
    return f"The training process ended unexpectedly (status {status}). What was recorded is kept."


def start_runs(lanes: Sequence[RunConfig]) -> Job:
    """Ask for new runs of these settings, in lockstep; they take names that no other run has.

    Raises:
        ConfigError: more than a page may start.
    """
    personal, pool, who = is_personal(), jobs(), visitor()
    check_runs(lanes, RUNS, personal)
    with pool.lock:
        check_queue(pool.waiting, pool.working, who, personal)
        names = tuple(free_name(lane, RUNS, pool.is_taken) for lane in lanes)
        return pool.ask(
            Job(names, who, [*_command_arguments(lanes, names), "--owner", who], None if personal else SECONDS)
        )


def continue_runs(names: Sequence[str]) -> Job:
    """Ask for runs that were interrupted to go on, in lockstep.

    Raises:
        ConfigError: more than a page may start.
    """
    personal, pool, who = is_personal(), jobs(), visitor()
    with pool.lock:
        check_queue(pool.waiting, pool.working, who, personal)
        return pool.ask(Job(tuple(names), who, ["resume", *names], None if personal else SECONDS))


def _command_arguments(lanes: Sequence[RunConfig], names: Sequence[str]) -> list[str]:
    """The command line that trains these lanes in lockstep, in folders of these names."""
    first, *others = map(_config_words, lanes)
    against = [part for other in others for part in ("--against", shlex.join(other))]
    return ["run", *first, *against, *(part for name in names for part in ("--name", name))]


def _config_words(config: RunConfig) -> list[str]:
    """A configuration as `key=value` words, as TOML writes the values."""
    return [f"{name}={'none' if v is None else orjson.dumps(v).decode()}" for name, v in config.model_dump().items()]


@st.cache_resource
def jobs() -> Jobs:
    """The one pool of this server."""
    return Jobs(workers())
