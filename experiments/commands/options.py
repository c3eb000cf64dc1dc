"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Runs = Annotated[Path | None, typer.Option("--runs", help="Folder of runs; default: $GRADIENT_FLOW_RUNS or ./runs.")]
Name = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or any unique beginning of it.")]
