"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.errors import ConfigError

Runs = Annotated[Path | None, typer.Option("--runs", help="Folder of runs; default: $GRADIENT_FLOW_RUNS or ./runs.")]
Name = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or any unique beginning of it.")]


def check_workers(workers: int | None, scheduler: str | None) -> None:
    """Refuse a number of workers that is no number of processes, or that a scheduler already has.

    Raises:
        ConfigError: it is one of them.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers was {workers}; it must be at least 1.")
    if workers is not None and scheduler is not None:
        raise ConfigError(
            f"--workers was {workers}, and --scheduler has workers of its own; leave one of the two options out."
        )
