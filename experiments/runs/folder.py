"""The folder of runs: list, find, create and delete runs in it.

There is no database: a list reads two small files of each run.
"""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiments.config.run_config import RunConfig
from experiments.config.words import shortened
from experiments.runs.opening import config_of, open_run
from experiments.runs.store.description import CONFIG
from experiments.runs.store.errors import RunError, RunInUseError
from experiments.runs.store.lease import Lease
from experiments.runs.store.leftovers import DELETED, hidden_beside, remove_abandoned, remove_unfinished, unfinished
from experiments.runs.store.progress import Status

RUNS_VARIABLE = "GRADIENT_FLOW_RUNS"
"""Environment variable with the folder of runs, if no folder is named."""
DEFAULT_RUNS = "runs"
SWEEPS, PROBES = "sweeps", "probes"
"""Folders in the folder of runs that are no runs: what belongs to sweeps, and recorded passes without training."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class RunSummary:
    """One line of the list of runs."""

    name: str
    folder: Path
    config: RunConfig | None
    """None where it cannot be read (`problem` then says why, and the numbers are zero), or where none decided it."""
    status: Status
    reason: str
    step: int
    recorded: int
    latest: Mapping[str, object]
    """The last scalars, the last evaluation's among them; what is not finite as text."""
    chance: float
    seconds: float
    """Seconds of training steps."""
    created: float
    updated: float
    """Seconds since 1970."""
    problem: str | None = None
    title: str = ""
    steps: int | None = 0
    """Optimiser steps of the whole run; None if they are not known."""


def runs_folder(named: Path | None = None) -> Path:
    """The folder of runs: the named one, or that of the environment variable, or `runs`."""
    return named or Path(os.environ.get(RUNS_VARIABLE) or DEFAULT_RUNS)


def typed(runs: Path, *words: str) -> str:
    """A command line for people to type, with `--runs` if the folder of runs is not the default."""
    where = [] if runs == runs_folder() else ["--runs", str(runs)]
    return shlex.join(["python", "-m", "experiments", *words, *where])


def list_runs(runs: Path) -> list[RunSummary]:
    """Every run in the folder, newest first; a run that cannot be read has its problem. Reads no arrays."""
    folders = [folder for folder in run_folders(runs) if os.path.lexists(folder / CONFIG)]
    summaries = [summarise(folder) for folder in folders]
    return sorted(summaries, key=lambda s: (-s.created, s.name))


def summarise(folder: Path) -> RunSummary:
    """One run's line."""
    try:
        run = open_run(folder)
        p, config = run.progress, config_of(run) if run.description.kind == "configuration" else None
        return RunSummary(
            run.name, folder, config, run.status, p.reason, p.step, p.committed, p.latest, run.chance, p.seconds,
            run.description.created, p.updated, title=run.title, steps=run.steps,
        )  # fmt: skip
    except (RunError, OSError, TypeError, ValueError) as error:
        return RunSummary(folder.name, folder, None, "failed", "", 0, 0, {}, 0.0, 0.0, 0.0, 0.0, str(error))


def find_run(runs: Path, name: str) -> Path:
    """The folder of the run whose name begins with `name`.

    Raises:
        RunError: none begins so, several do, or it is no name but a path.
    """
    if not NAME.fullmatch(name):
        raise RunError(f"the run was {shortened(name)}; it must be the beginning of a run's id, not a path.")
    entries = runs.iterdir() if runs.is_dir() else ()
    names = [entry.name for entry in entries if NAME.fullmatch(entry.name) and entry.name not in (SWEEPS, PROBES)]
    found = [name] if name in names else sorted(n for n in names if n.startswith(name))
    if not found:
        raise RunError(f"no run in {str(runs)!r} begins with {shortened(name)}; `{typed(runs, 'list')}` shows them.")
    if len(found) > 1:
        raise RunError(f"{shortened(name)} matches {len(found)} runs: {', '.join(found[:5])}; type more of the id.")
    if (runs / found[0]).is_symlink():
        raise RunError(f"{found[0]!r} in {str(runs)!r} is a symbolic link, so it is not opened.")
    return runs / found[0]


def named_in(link: str) -> list[str]:
    """The names of runs in an address, with commas between them: each once; what can be none is left out."""
    return list(dict.fromkeys(name for name in link.split(",") if NAME.fullmatch(name)))


def folder_for(config: RunConfig, runs: Path, again: bool = False) -> Path:
    """The folder of a new run of the configuration: `ID`, or `ID-2`, `ID-3`, … to run it again.

    Raises:
        RunError: such a run already exists, and `again` is False.
    """
    name = config.identity()
    if not (runs / name).exists():
        return runs / name
    if not again:
        status = summarise(runs / name).status
        rests = status in ("interrupted", "failed")
        hint = (
            f"`{typed(runs, 'resume', name)}` goes on with it" if rests else f"`{typed(runs, 'show', name)}` shows it"
        )
        raise RunError(f"run {name} already exists ({status}); {hint}. Add --again to run the same settings again.")
    number = next(n for n in range(2, 10**6) if not (runs / f"{name}-{n}").exists())
    return runs / f"{name}-{number}"


def folders_of(config: RunConfig, runs: Path) -> list[Path]:
    """The folders of all runs of these settings: `ID`, `ID-2`, `ID-3`, …, in the order in which they were begun."""
    name, found = config.identity(), list[Path]()
    while (folder := runs / (f"{name}-{len(found) + 1}" if found else name)).exists():
        found.append(folder)
    return found


def free_name(config: RunConfig, runs: Path, is_taken: Callable[[str], bool]) -> str:
    """The first of the names `ID`, `ID-2`, … that no run has.

    Args:
        config: the settings.
        runs: the folder of runs.
        is_taken: whether a name is spoken for by a run that has no folder yet.
    """
    base = config.identity()
    names = (base if n == 1 else f"{base}-{n}" for n in range(1, 10**6))
    return next(name for name in names if not (runs / name).exists() and not is_taken(name))


def delete_run(folder: Path) -> None:
    """Delete a run; it disappears from the list at once.

    Raises:
        RunInUseError: it is being written.
        RunError: the disk refuses.
    """
    try:
        lease = Lease.acquire(folder)  # so that nobody begins to write it meanwhile
    except RunInUseError:
        raise RunInUseError(f"run {folder.name} is being written; stop it first.") from None
    except OSError:  # a stranger's folder, in which nothing can be held
        lease = None
    gone = hidden_beside(folder, DELETED)
    try:
        folder.rename(gone)
        if lease is not None:
            lease.forget()
        shutil.rmtree(gone)
    except OSError as error:
        if lease is not None and folder.exists():
            lease.release()
        reason = (error.strerror or "an unknown reason").lower()
        raise RunError(f"run {folder.name} cannot be deleted ({reason}).") from None


def clean(runs: Path, exports: Path) -> list[Path]:
    """Delete the unfinished files of dead processes. Returns their paths.

    Args:
        runs: the folder of runs, with those of sweeps and probes in it.
        exports: a folder in which runs were exported.
    """
    gone = remove_abandoned(exports)
    inside = {folder.name: folder for folder in plain_folders(runs)}
    probes, sweeps = ([inside[name]] if name in inside else [] for name in (PROBES, SWEEPS))
    each = [folder for sweep in sweeps for folder in plain_folders(sweep)]
    parts = [folder for sweep in each for folder in plain_folders(sweep)]
    for folder in (*([] if runs.is_symlink() else [runs]), *probes, *sweeps, *each, *parts):
        gone += remove_abandoned(folder)
    for folder in (*run_folders(runs), *(run for probe in probes for run in run_folders(probe))):
        if not unfinished(folder):
            continue
        try:
            lease = Lease.acquire(folder)
        except (RunError, OSError):  # somebody writes it, or nobody may
            continue
        gone += remove_unfinished(folder)
        lease.release()
    return gone


def run_folders(runs: Path) -> list[Path]:
    """The folders in a folder of runs that may be runs."""
    return [folder for folder in plain_folders(runs) if NAME.fullmatch(folder.name)]


def plain_folders(parent: Path) -> list[Path]:
    """The folders in a folder, without links; empty if it cannot be read."""
    try:
        entries = list(parent.iterdir())
    except OSError:
        return []
    return [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
