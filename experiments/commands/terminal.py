"""Standard output as wide as it is: a terminal's width, and no limit where another program reads."""

import os
import sys
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

UNLIMITED = 100_000
"""Characters of a line that no terminal has to show."""

STANDARD_OUTPUT = Path("-")
"""The name that stands for standard output where a file is asked for."""


def output(file: IO[str] | None = None) -> Console:
    """Standard output, or a file; in a pipe or a file a line is as long as it needs to be, unless $COLUMNS says."""
    limited = file is None and ("COLUMNS" in os.environ or sys.stdout.isatty())
    return Console(file=file, width=None if limited else UNLIMITED)


def fits(to: Console, table: Table) -> bool:
    """Whether the whole table, with nothing shortened or broken, is within the width."""
    return Measurement.get(to, to.options.update_width(UNLIMITED), table).maximum <= to.width
