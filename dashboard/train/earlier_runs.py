"""Finds the run of given settings: the visitor's own, else the first of anybody."""

from pathlib import Path

from dashboard.server.visitor import may_steer, visitor
from dashboard.train.jobs import jobs
from experiments.config.run_config import RunConfig
from experiments.runs.folder import folders_of
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError


def find_known_run(config: RunConfig, runs: Path) -> str | None:
    """Name of this visitor's run of these settings, else of anybody's; None if there is none."""
    if pending := jobs().pending(config.identity(), visitor()):
        return pending
    folders = folders_of(config, runs)
    own = [folder for folder in folders if may_steer(_read_owner(folder))]
    if folders:
        return (own[-1] if own else folders[0]).name
    return config.identity() if jobs().is_taken(config.identity()) else None


def _read_owner(folder: Path) -> str | None:
    """The mark of the visitor who started a run; None for one of the command line, or one that cannot be read."""
    try:
        return open_run(folder).owner
    except RunError:
        return None
