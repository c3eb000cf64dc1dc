"""The command `export`: a run, or its weights, as one file."""

import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from experiments.commands.options import Name, Runs
from experiments.commands.terminal import STANDARD_OUTPUT
from experiments.config.limits import readable
from experiments.config.run_config import ConfigError
from experiments.config.words import shortened, spelt_path, visible
from experiments.runs.export_formats import ENDINGS
from experiments.runs.folder import find_run, runs_folder
from experiments.runs.opening import open_run


def export_command(
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(help="With --weights: the file to write; default: RUN.safetensors.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help=f"File format: {', '.join(ENDINGS)}; default: csv.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file to write, or - to print it; default: RUN with the format's ending."
        ),
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Write the network's weights as a safetensors file, with torch's names.")
    ] = False,
    step: Annotated[
        int | None, typer.Option("--step", help="With --weights: the recorded optimiser step; default: the last one.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    runs: Runs = None,
) -> None:
    """Write a run to a file: scalars (csv, parquet), all arrays (netcdf), a web page (html), or the weights."""
    from experiments.runs.export import export, export_weights  # here: it imports xarray and plotly

    given = [("--step", step), ("FILE", file)]
    for option, value in given:
        if value is not None and not weights:
            raise ConfigError(f"{option} was {shortened(str(value))}; it needs --weights.")
    if weights and form is not None:
        raise ConfigError(f"--format was {shortened(form)}; with --weights leave it out: they are a safetensors file.")
    form = form or "csv"
    if file is not None and output is not None:
        raise ConfigError(f"the file was given twice, as {spelt_path(file)} and {spelt_path(output)}; name it once.")
    output = output or file
    run = open_run(find_run(runs_folder(runs), name))
    name_of_file = run.name + (".safetensors" if weights else ENDINGS.get(form, ""))
    with TemporaryDirectory() if output == STANDARD_OUTPUT else nullcontext() as between:
        target = Path(between, name_of_file) if between else output or Path(name_of_file)
        if weights:
            export_weights(run, step, target, force)
        for lost in () if weights else export(run, form, target, force):
            sys.stderr.write(f"warning: {visible(lost)}\n")
        if between:
            sys.stdout.buffer.write(target.read_bytes())
            return
    sys.stdout.write(f"{target} ({readable(target.stat().st_size)})\n")
