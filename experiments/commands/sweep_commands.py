"""The commands for sweeps: sweep and compare."""

import csv
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.wording import are, counted
from experiments.commands.options import Runs, check_workers
from experiments.commands.run_commands import Quiet
from experiments.commands.terminal import STANDARD_OUTPUT, fits, output
from experiments.config.run_config import ConfigError
from experiments.config.words import bare, parse_words, shortened, spelt_path, visible
from experiments.runs.folder import runs_folder, typed
from experiments.sweeps.compare import Comparison, Value, compare, shown
from experiments.sweeps.folder import SweepFolder, stored_plan
from experiments.sweeps.index import Results, load_results
from experiments.sweeps.plan import Plan, read_plan

FORMATS = ("text", "csv", "parquet")
MOST_LINES = 40
"""Most runs of a plan that a terminal shows."""


def sweep_command(
    file: Annotated[
        Path, typer.Argument(metavar="SWEEP.toml", help="The sweep's TOML file; see sweeps/ for examples.")
    ],
    workers: Annotated[
        int | None, typer.Option(help="Worker processes on this machine; default: one per core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address of a running Dask scheduler, such as tcp://10.0.0.1:8786."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the runs, their time and disk space; run nothing.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry-failed", help="Run failed runs again.")] = False,
    memory: Annotated[str, typer.Option(help="Memory limit of each worker on this machine, such as 2GiB.")] = "auto",
    runs: Runs = None,
    quiet: Quiet = False,
) -> None:
    """Run all unfinished runs of a sweep. After an interruption, the same command continues it."""
    check_workers(workers, scheduler)
    plan, count = read_plan(file), workers or os.cpu_count() or 1
    folder = SweepFolder(runs_folder(runs).absolute(), plan.name)
    if dry_run:
        if memory != "auto":
            from experiments.sweeps.cluster import check_worker_memory  # here: Dask takes half a second

            check_worker_memory(memory)
        print_plan(plan, load_results(folder, plan), count)
        return
    from experiments.sweeps.start import start  # here: Dask takes half a second

    given = {"--workers": workers, "--scheduler": scheduler, "--memory": None if memory == "auto" else memory}
    options = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    switches = [switch for switch, on in {"--retry-failed": retry, "--quiet": quiet}.items() if on]
    command = typed(runs_folder(runs), "sweep", str(file), *options, *switches)
    report, ending = start(plan, folder, count, scheduler, memory, retry, Console(stderr=True, quiet=quiet), command)
    sys.stdout.write(ending + "\n")
    if report.stopped:
        raise typer.Exit(130)
    if (report.results.status == "failed").any():
        raise typer.Exit(1)


def print_plan(plan: Plan, results: Results, workers: int) -> None:
    """Print the runs, one per line, and the time and disk space that they will take.

    Raises:
        ConfigError: no run can be built.
    """
    from experiments.sweeps.estimate import estimate

    lines = []
    for run, status in zip(plan.runs, results.status, strict=True):
        values = " ".join(f"{name}={bare(value)}" for name, value in run.values.items())
        lines.append(visible(f"{run.name} {status:8} {values}\n"))
    if sys.stdout.isatty() and len(lines) > MOST_LINES:  # a file or another program gets all
        lines[MOST_LINES - 1 : -1] = [f"… and {len(lines) - MOST_LINES:,} more …\n"]
    left = [
        run for run, s, done in zip(plan.runs, results.status, results.done, strict=True) if not done and s != "failed"
    ]
    e = estimate(results, left, workers)  # before anything is printed: perhaps no run can be built
    repeated = f" ({plan.repeated} repeated ones are left out)" if plan.repeated else ""
    failed = int((results.status == "failed").sum())
    done = int(results.done.sum())
    words = f"{counted(len(plan.runs), 'run')}{repeated}: {done} {are(done)} finished, "
    words += (f"{failed} failed, " if failed else "") + f"{len(left)} {are(len(left))} left.\n"
    sys.stdout.write("".join(lines) + words)
    if left:
        sys.stdout.write(f"They will take {e.in_words(plan.kind, workers)}, judging by {e.basis}.\n")


def compare_command(
    name: Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep's name, or its TOML file.")],
    rows: Annotated[str, typer.Option(help="The axis whose values are the rows.")],
    columns: Annotated[str, typer.Option(help="The axis whose values are the columns.")],
    value: Annotated[str, typer.Option(help="The quantity, such as decay_rate or final_loss.")],
    where: Annotated[
        list[str] | None, typer.Option(help="Compare only runs with this value: --where cell=lstm.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help=f"Output format: {', '.join(FORMATS)}.")] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; default: print the table.")
    ] = None,
    runs: Runs = None,
) -> None:
    """Print one quantity of a sweep over two axes: mean ± spread over seeds, one table per value of the other axes."""
    if form not in FORMATS:
        raise ConfigError(f"--format was {shortened(form)}; it must be {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")
    output = None if output == STANDARD_OUTPUT else output
    if form == "parquet" and output is None:
        raise ConfigError("--format was parquet and --output is missing; give --output a file.")
    plan = read_plan(Path(name)) if name.endswith(".toml") else None
    folder = SweepFolder(runs_folder(runs), plan.name if plan else name)
    results = load_results(folder, stored_plan(folder))
    table = compare(results, rows, columns, value, parse_words(where or []))
    try:
        if form == "parquet":
            assert output is not None
            write_parquet(table.table(), output)
        elif form == "csv":
            write_csv(table.table(), output)
        else:
            print_tables(table, output)
    except OSError as error:
        if output is None:
            raise
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"--output was {spelt_path(output)}; it must be a file that can be written ({reason})."
        ) from None


def write_parquet(columns: dict[str, list[object]], path: Path) -> None:
    """Write one row per cell; a column with values of several kinds becomes text."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    def uniform(values: list[object]) -> list[object]:
        kinds = {type(value) for value in values if value is not None}
        return values if len(kinds) < 2 or kinds <= {int, float} else [v if v is None else str(v) for v in values]

    parquet.write_table(pa.table({name: uniform(values) for name, values in columns.items()}), path)


def write_csv(columns: dict[str, list[object]], path: Path | None) -> None:
    """Write one row per cell; None is written as `none`, a missing number as `nan`."""
    rows = zip(*(["none" if v is None else v for v in values] for values in columns.values()), strict=True)
    if path is None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(columns)
        csv.writer(file).writerows(rows)


def print_tables(table: Comparison, path: Path | None) -> None:
    """Print a table for each panel, in as many parts as its columns need."""
    with path.open("w", encoding="utf-8") if path else nullcontext(None) as file:
        to = output(file)
        for panel in table.panels:
            left = table.column_values
            while left:
                count = next(n for n in range(len(left), 0, -1) if n == 1 or fits(to, drawn(table, panel, left[:n])))
                to.print(drawn(table, panel, left[:count]))
                left = left[count:]


def drawn(table: Comparison, panel: tuple[Value, ...], columns: tuple[Value, ...]) -> Table:
    """A table of some columns of a panel."""
    words = ", ".join(f"{n} = {shown_value(v)}" for n, v in zip(table.others, panel, strict=True) if v is not None)
    out = Table(title=f"{table.value}{': ' if words else ''}{words}")
    for heading in (f"{table.rows} \\ {table.columns}", *(shown_value(column) for column in columns)):
        out.add_column(heading, overflow="fold")
    for row in table.row_values:
        out.add_row(shown_value(row), *(shown(table.cells.get((panel, row, column))) for column in columns))
    return out


def shown_value(value: Value) -> str:
    """A value for a table, with brackets that are not read as markup."""
    return escape(visible(bare(value)))


def add_sweep_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("sweep")(sweep_command)
    app.command("compare")(compare_command)
