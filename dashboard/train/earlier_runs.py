"""Which run of some settings a visitor means: their own where there is one, else the first that anybody began."""

from pathlib import Path

from dashboard.server.visitor import may_steer, visitor
from dashboard.train.jobs import jobs
from experiments.config.run_config import RunConfig
from experiments.runs.folder import folders_of
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError


def known_run(config: RunConfig, runs: Path) -> str | None:
    """The name of the run of these settings that this visitor means; None where nobody has trained them."""
    if pending := jobs().pending(config.identity(), visitor()):
        return pending
    folders = folders_of(config, runs)
    own = [folder for folder in folders if may_steer(owner_of(folder))]
    if folders:
        return (own[-1] if own else folders[0]).name
    return config.identity() if jobs().is_taken(config.identity()) else None


def owner_of(folder: Path) -> str | None:
    """The mark of the visitor who started a run; None for one of the command line, or one that cannot be read."""
    try:
        return open_run(folder).owner
    except RunError:
        return None
