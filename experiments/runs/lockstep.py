"""Runs that start together. Each one names the others, so that a start that was killed halfway can be completed."""

from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

from experiments.config.run_config import RunConfig
from experiments.runs.folder import folder_for
from experiments.runs.opening import read_configured
from experiments.runs.recorder import Recorder
from experiments.runs.store.description import CONFIG, Lockstep
from experiments.runs.store.errors import ForeignRunError, RunError, RunExistsError
from experiments.runs.store.progress import read_progress

MOST_TRIES = 100


def start_together(
    configs: Sequence[RunConfig],
    runs: Path,
    again: bool = False,
    path: str | None = None,
    paused: bool = False,
    names: Sequence[str] = (),
    owner: str | None = None,
) -> list[Recorder]:
    """Start a new run of each configuration; all runs are open.

    Args:
        configs: what to train.
        runs: the folder of runs.
        again: whether to run settings again that already have a run.
        path: see `Recorder.start`.
        paused: see `Recorder.start`.
        names: names of the runs' folders, one per run; if empty, they follow from the settings.
        owner: see `Recorder.start`.

    Raises:
        ConfigError: a configuration cannot be run; RunError: a run exists, or cannot be written. None is left open.
    """
    lockstep = Lockstep(token_hex(8), [config.model_dump() for config in configs]) if len(configs) > 1 else None
    recorders: list[Recorder] = []
    try:
        for k, config in enumerate(configs):
            if names:
                recorders.append(Recorder.start(config, runs / names[k], path, paused, lockstep, owner))
            else:
                recorders.append(_start(config, runs, again, path, paused, lockstep, owner))
    except BaseException:
        close(recorders)
        raise
    return recorders


def _start(
    config: RunConfig,
    runs: Path,
    again: bool,
    path: str | None,
    paused: bool,
    lockstep: Lockstep | None,
    owner: str | None,
) -> Recorder:
    """Start a new run under the next free name: another process may take the first one in the meantime."""
    for _ in range(MOST_TRIES if again else 1):
        folder = folder_for(config, runs, again)
        try:
            return Recorder.start(config, folder, path, paused, lockstep, owner)
        except RunExistsError as error:
            taken = error
    raise taken


def resume_together(folders: Sequence[Path], paused: bool = False) -> list[Recorder]:
    """Open the runs, and start the runs that belong to them but were never started.

    Raises:
        RunError: a run cannot be read or written, or another process writes it. None is left open.
    """
    recorders: list[Recorder] = []
    try:
        for folder in folders:
            recorders.append(Recorder.resume(folder, paused))
        for folder in folders:
            for config, lockstep in unborn(folder):
                like = read_configured(folder)[0]
                recorders.append(_start(config, folder.parent, True, like.path, paused, lockstep, like.owner))
    except BaseException:
        close(recorders)
        raise
    return recorders


def unborn(folder: Path) -> list[tuple[RunConfig, Lockstep]]:
    """The configurations that belong to a run's start and were never started.

    Before a run's first commit, all its lanes exist. If one is missing after that, somebody deleted it.

    Raises:
        RunError: the run cannot be read.
    """
    description, _ = read_configured(folder)
    lockstep = description.lockstep
    if lockstep is None or read_progress(folder).attempt > 0:
        return []
    try:
        configs = [RunConfig.from_values(values) for values in lockstep.configs]
    except ValueError as error:
        raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} names a lane that cannot be run: {error}") from None
    return [(config, lockstep) for config in configs if not _born(config, lockstep.token, folder.parent)]


def _born(config: RunConfig, token: str, runs: Path) -> bool:
    """Whether a run of that configuration was started under that token."""
    name = config.identity()
    for folder in runs.glob(f"{name}*"):
        try:
            description, found = read_configured(folder)
        except RunError:
            continue
        if found == config and description.lockstep is not None and description.lockstep.token == token:
            return True
    return False


def close(recorders: Sequence[Recorder]) -> None:
    """Release the leases of runs that will not be trained."""
    for recorder in recorders:
        recorder.close()
