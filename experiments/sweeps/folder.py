"""A sweep's folder: its plan, its failures, its clients, and an index of results that can be made again.

runs/sweeps/NAME/sweep.toml      the file as it was when the sweep was last started
                 plan.json       the runs that it means
                 index.parquet   their results; made again whenever it does not fit the runs' folders
                 failures/ID.json    why a run failed
                 sessions/TOKEN.json one client that works, or worked, on the sweep
                 sessions/TOKEN.stop is there when it is asked to stop
                 sessions/TOKEN/ID   a line each time that a worker began the run, with the step that it had
"""

import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import orjson
from annotated_types import Ge
from pydantic import Field

from experiments.checked import STRICT, Clock, Count, Sentence, Word, checked
from experiments.config.words import LARGEST_TOML, shortened, spelt_path
from experiments.runs.folder import NAME, SWEEPS
from experiments.runs.store.errors import RecordingError, RunError
from experiments.runs.store.files import read_small, write_bytes
from experiments.runs.store.lease import STALE_SECONDS, Holder, born
from experiments.runs.store.leftovers import hidden_beside
from experiments.sweeps.plan import MOST_RUNS, Kind, Plan, PlannedRun

FORMAT = 1
LARGEST_PLAN = 2**29
"""Most bytes; a million runs with a few values each take some hundred million."""
PLAN, SOURCE, INDEX, FAILURES, SESSIONS = "plan.json", "sweep.toml", "index.parquet", "failures", "sessions"


@dataclass(frozen=True)
class SweepFolder:
    """A sweep's files, in the folder of runs to which it belongs."""

    runs: Path
    name: str

    @property
    def path(self) -> Path:
        """The sweep's folder."""
        return self.runs / SWEEPS / self.name

    def session(self, token: str) -> Path:
        """The file with the progress of one client."""
        return self.path / SESSIONS / f"{token}.json"

    def stop_file(self, token: str) -> Path:
        """The file that asks a client's workers to stop at their next step, by its existence."""
        return self.path / SESSIONS / f"{token}.stop"

    def starts(self, token: str, run: str) -> Path:
        """The file with a line for each time that a worker of that client began the run."""
        return self.path / SESSIONS / token / run

    def failure(self, run: str) -> Path:
        """The file that says why a run failed."""
        return self.path / FAILURES / f"{run}.json"


@dataclass(frozen=True)
class Failure:
    """A run that raised an error, or whose workers died."""

    __pydantic_config__ = STRICT

    run: Word
    error: Sentence
    """One sentence, or a line from Python."""
    trace: Annotated[str, Field(max_length=2**20)]
    """The whole traceback; empty if a worker died."""
    starts: Count
    time: Clock
    """Seconds since 1970."""


def put(path: Path, content: bytes) -> None:
    """Replace a file's content as a whole: readers see the old or the new one, and several processes may write at once.

    Raises:
        OSError: the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = hidden_beside(path)
    try:
        write_bytes(partial, content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def disk_refused(folder: SweepFolder, error: OSError) -> RecordingError:
    """The error for a disk that refuses a sweep's own files."""
    reason = (error.strerror or str(error)).lower()
    return RecordingError(f"sweep {folder.name} cannot be written to {str(folder.path)!r} ({reason}).")


def write_plan(folder: SweepFolder, plan: Plan) -> None:
    """Store the sweep's plan; runs of an earlier version of its file stay where they are."""
    body = {
        "format": FORMAT,
        "name": plan.name,
        "kind": plan.kind,
        "description": plan.description,
        "fixed": plan.fixed,
        "axes": plan.axes,
        "show": plan.show,
        "runs": [{"name": run.name, "values": run.values} for run in plan.runs],
    }
    put(folder.path / SOURCE, plan.source.encode())
    put(folder.path / PLAN, orjson.dumps(body))


def stored_plan(folder: SweepFolder) -> Plan:
    """Read the plan with which the sweep was last started.

    Raises:
        RunError: there is no such sweep, or its plan is damaged.
    """
    if not NAME.fullmatch(folder.name) or not (folder.path / PLAN).exists():
        known = [other.name for other in list_sweeps(folder.runs)]
        there = f"there are {', '.join(known[:10])}" if known else "there is none"
        raise RunError(
            f"the sweep was {shortened(folder.name)}; it must be one in {str(folder.runs / SWEEPS)!r}, where {there}."
        )
    file = PLAN
    try:
        kept = checked(StoredPlan, read_small(folder.path, PLAN, LARGEST_PLAN))
        if kept.format > FORMAT:
            raise ValueError
        file = SOURCE
        source = read_small(folder.path, SOURCE, LARGEST_TOML).decode("utf-8")
    except ValueError:  # missing, no regular file, no JSON, no UTF-8, or not what is written there
        where = spelt_path(folder.path / file)
        raise RunError(f"{where} is damaged, or of a newer program; start the sweep again to replace it.") from None
    if kept.name != folder.name:
        where = spelt_path(folder.path)
        raise RunError(f"{where} holds the sweep {shortened(kept.name)}; give the folder that name again.")
    fields = (kept.name, kept.kind, kept.description, kept.fixed, tuple(kept.axes), tuple(kept.runs))
    return Plan(*fields, 0, kept.show, source)


@dataclass(frozen=True)
class StoredPlan:
    """The content of `plan.json`."""

    __pydantic_config__ = STRICT

    format: Annotated[int, Ge(1)]
    name: Word
    kind: Kind
    description: Sentence
    fixed: Mapping[Word, object]
    axes: Annotated[list[Word], Field(max_length=200)]
    show: Mapping[Word, Word]
    runs: Annotated[list[PlannedRun], Field(max_length=MOST_RUNS)]


def list_sweeps(runs: Path) -> list[SweepFolder]:
    """Every sweep in a folder of runs, the last started one first."""
    with suppress(OSError):
        found = [entry for entry in (runs / SWEEPS).iterdir() if NAME.fullmatch(entry.name) and (entry / PLAN).exists()]
        dated = sorted(found, key=lambda entry: (-(entry / PLAN).stat().st_mtime, entry.name))
        return [SweepFolder(runs, entry.name) for entry in dated]
    return []


def write_failure(folder: SweepFolder, failure: Failure) -> None:
    """Store why a run failed."""
    put(folder.failure(failure.run), orjson.dumps(asdict(failure)))


def failures(folder: SweepFolder) -> dict[str, Failure]:
    """Run → why it failed, including runs that are no longer in the plan."""
    found: dict[str, Failure] = {}
    with suppress(OSError):
        for path in (folder.path / FAILURES).iterdir():
            with suppress(ValueError, OSError):  # no file of ours
                failure = checked(Failure, read_small(path.parent, path.name))
                found[failure.run] = failure
    return found


@dataclass(frozen=True)
class Session:
    """The progress of one client."""

    __pydantic_config__ = STRICT

    holder: Holder
    began: Clock
    updated: Clock
    """Seconds since 1970."""
    total: Count
    finished: Count
    """Finished runs, including those that were finished before this client began."""
    failed: Count
    before: Count
    """Runs that were finished before this client began."""
    seconds_left: float | None
    workers: Mapping[Sentence, Sentence]
    """Worker → its present work, in words."""
    ended: Sentence = ""
    """How it ended, in a sentence; empty while it runs."""

    @property
    def lives(self) -> bool:
        """Whether the client still lives: on this host its process exists, elsewhere its last report is recent."""
        if self.ended:
            return False
        if self.holder.host == socket.gethostname() and Path("/proc/self/stat").exists():
            return self.holder.born == born(self.holder.pid) != 0
        return time.time() - self.updated < STALE_SECONDS


def write_session(folder: SweepFolder, session: Session) -> None:
    """Store a client's progress."""
    put(folder.session(session.holder.token), orjson.dumps(asdict(session)))


def sessions(folder: SweepFolder) -> list[Session]:
    """All present and past clients of the sweep, the latest first."""
    found: list[Session] = []
    with suppress(OSError):
        for path in (folder.path / SESSIONS).glob("*.json"):
            with suppress(ValueError, OSError):  # no file of ours
                found.append(checked(Session, read_small(path.parent, path.name)))
    return sorted(found, key=lambda session: -session.began)


def tidy(folder: SweepFolder) -> None:
    """Delete the files of clients that have ended, except the last one, whose end people may want to see.

    Raises:
        OSError: the disk refuses.
    """
    for session in [session for session in sessions(folder) if not session.lives][1:]:
        token = session.holder.token
        shutil.rmtree(folder.path / SESSIONS / token, ignore_errors=True)
        for path in (folder.stop_file(token), folder.session(token)):
            path.unlink(missing_ok=True)
