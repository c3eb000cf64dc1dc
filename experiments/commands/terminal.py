"""Standard output with its real width: the terminal's width, or no limit if another program reads. And notes."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from experiments.config.run_config import RunConfig
from experiments.config.without_effect import say_without_effect
from experiments.config.words import visible

UNLIMITED = 100_000
"""Characters of a line that is not shown in a terminal."""

STANDARD_OUTPUT = Path("-")
"""The file name that means standard output."""


def output(file: IO[str] | None = None) -> Console:
    """Standard output, or a file. In a pipe or a file, lines may have any length unless $COLUMNS limits them."""
    limited = file is None and ("COLUMNS" in os.environ or sys.stdout.isatty())
    return Console(file=file, width=None if limited else UNLIMITED)


def fits(to: Console, table: Table) -> bool:
    """Whether the whole table fits the width without shortened or broken cells."""
    return Measurement.get(to, to.options.update_width(UNLIMITED), table).maximum <= to.width


def warn_of(configs: Sequence[RunConfig]) -> None:
    """Say on standard error which settings were given and do nothing."""
    for sentence in say_without_effect(configs):
        sys.stderr.write(visible(f"note: {sentence}\n"))
