"""The work of a worker: it runs some runs of a sweep, each under its lease, and reports an outcome for each.

Running a run twice does no harm. A failed run does not raise an error: its outcome says that it failed. A worker writes
a line for each start, so that the next worker knows of a worker that died.
"""

import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from experiments.config.run_config import RunConfig
from experiments.runs.opening import open_run
from experiments.runs.recorder import Recorder
from experiments.runs.store.create import refused
from experiments.runs.store.errors import DamagedRunError, RecordingError, RunError, RunInUseError
from experiments.runs.store.progress import read_progress
from experiments.runs.train import train
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.plan import Kind
from experiments.sweeps.probes import ensure_probe
from experiments.training.training import Step
from models.bptt.threads import use_one_thread

MOST_STARTS = 3
"""If so many workers die in a run at the same step, the run counts as failed."""
LOOK_SECONDS = 0.3
"""Seconds between two checks of a training whether to stop."""

Result = Literal["finished", "failed", "held", "stopped", "refused"]
"""`held`: another process works on the run. `refused`: the disk or the folder of runs does not allow it."""


@dataclass(frozen=True)
class Work:
    """Some runs for one worker."""

    runs: str
    """The absolute path of the folder of runs, which all workers see."""
    sweep: str
    session: str
    kind: Kind
    configs: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one run."""

    run: str
    result: Result
    error: str = ""
    trace: str = ""
    starts: int = 1
    seconds: float = 0.0
    """Seconds of this attempt."""


def perform(work: Work) -> list[Outcome]:
    """Run each run in turn, until all are done or the client asks to stop."""
    use_one_thread()  # workers are one a core already, and a sum's order must not depend on the machine
    folder = SweepFolder(Path(work.runs), work.sweep)
    return [attempt(folder, work, RunConfig.from_values(config)) for config in work.configs]


def attempt(folder: SweepFolder, work: Work, config: RunConfig) -> Outcome:
    """Run one run and catch every error. Its start stays on record only if the worker dies."""
    name, began = config.identity(), time.perf_counter()
    starts = 0
    try:
        if not folder.session(work.session).exists():
            sentence = f"this worker does not see {str(folder.path)!r}, where the sweep is; it must be shared storage"
            return Outcome(name, "refused", sentence + " at the same path, and one client must keep it.")
        if folder.stop_file(work.session).exists():
            return Outcome(name, "stopped")
        starts = count_start(folder, work, name)
        if starts > MOST_STARTS:
            died = f"its worker died each of the {MOST_STARTS} times: it was killed, or out of memory."
            return Outcome(name, "failed", died, starts=MOST_STARTS)
        stop = finish(config, folder, work)
        result: Result = "stopped" if stop else "finished"
        return Outcome(name, result, starts=starts, seconds=time.perf_counter() - began)
    except RunInUseError as error:
        return Outcome(name, "held", str(error))
    except RecordingError as error:
        return Outcome(name, "refused", str(error))
    except OSError as error:
        return Outcome(name, "refused", str(refused(error, folder.runs / name, "what it has")))
    except Exception as error:
        return Outcome(name, "failed", sentence_of(error), traceback.format_exc(), starts)
    finally:
        with suppress(OSError):
            folder.starts(work.session, name).unlink(missing_ok=True)


def finish(config: RunConfig, folder: SweepFolder, work: Work) -> bool:
    """Continue a run to its end; True if it was asked to stop before that.

    Raises:
        RunInUseError: another process works on it.
        Exception: any error of the run.
    """
    if work.kind == "probe":
        ensure_probe(config, folder.runs)
        return False
    path = folder.runs / config.identity()
    if path.exists():
        if open_run(path).status == "finished":
            return False
        recorder = Recorder.resume(path)
    else:
        recorder = started(config, path)
    stop = threading.Event()
    train([recorder], watch_for(folder.stop_file(work.session), stop), stop)
    return recorder.status != "finished"


def started(config: RunConfig, path: Path) -> Recorder:
    """Start a new run, unless another process was quicker."""
    try:
        return Recorder.start(config, path)
    except RunInUseError:
        raise
    except RunError as error:
        if path.exists() and not isinstance(error, RecordingError | DamagedRunError):
            raise RunInUseError(f"run {path.name} was begun by another process at this moment.") from None
        raise


def watch_for(file: Path, stop: threading.Event) -> Callable[[Recorder, Step], None]:
    """The function that `train` calls after each step; now and then it looks for the file that asks to stop."""
    looked = time.monotonic()

    def watch(recorder: Recorder, step: Step) -> None:
        nonlocal looked
        now = time.monotonic()
        if now - looked > LOOK_SECONDS:
            looked = now
            if file.exists():
                stop.set()

    return watch


def count_start(folder: SweepFolder, work: Work, name: str) -> int:
    """How often in a row this client's workers have begun the run from the same step.

    A worker that is stopped by a cluster's time limit has made progress; a worker that the run kills has not.
    """
    path = folder.runs / name
    step = read_progress(path).step if work.kind == "run" and path.exists() else 0
    file = folder.starts(work.session, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as lines:
        lines.write(f"{step}\n")
        lines.flush()
        lines.seek(0)
        steps = lines.read().split()
    return next((k for k, s in enumerate(reversed(steps)) if s != str(step)), len(steps))


def sentence_of(error: BaseException) -> str:
    """The error in one line: our own sentences unchanged, other errors with their kind in front."""
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError) and text.endswith(".") else f"{type(error).__name__}: {text}"
