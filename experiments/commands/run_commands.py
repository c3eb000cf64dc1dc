"""The commands for runs: run, resume, list, show, export, verify, delete, clean."""

import re
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from analysis.wording import are, counted, significant
from experiments.commands.export_command import export_command
from experiments.commands.options import Name, Runs
from experiments.commands.run_progress import watched
from experiments.commands.terminal import output, warn_of
from experiments.config.limits import readable
from experiments.config.of_cells import configs_from_words
from experiments.config.run_config import ConfigError, RunConfig
from experiments.config.words import bare, parse_filter, parse_words, shortened, spelt_path, visible
from experiments.runs.findings import ended_findings, last_loss
from experiments.runs.folder import (
    NAME,
    PROBES,
    SWEEPS,
    clean,
    delete_run,
    find_run,
    folder_for,
    list_runs,
    runs_folder,
    typed,
)
from experiments.runs.lockstep import resume_together, start_together
from experiments.runs.opening import open_run
from experiments.runs.store.errors import DamagedRunError, RunError
from experiments.runs.store.reader import dumps
from experiments.runs.tables import STATUSES, as_json, print_list, shown
from experiments.runs.train import Recorder, stop_at_signals, train
from experiments.runs.verify import verify
from experiments.tasks.own_class import allow
from experiments.training.batches import DTYPES
from models.bptt.compiled.choose import must_compile
from models.bptt.threads import use_one_thread
from models.cells.registry import CELLS

Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[list[str] | None, typer.Option("--name", hidden=True, help="The folder's name, one per run.")]
OWNER = re.compile(r"[0-9A-Za-z]{1,64}")
Owner = Annotated[
    str | None, typer.Option("--owner", hidden=True, help="Mark of the visitor who starts the run on the page.")
]
Paused = Annotated[bool, typer.Option("--paused", help="Pause before the first step; control.json continues the run.")]


def run_command(
    words: Annotated[list[str] | None, typer.Argument(help="key=value words and .toml files.")] = None,
    runs: Runs = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Train a second run in lockstep, with other settings: --against 'clip_threshold=none'."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Train again, even if a run has the same settings.")] = False,
    path: Annotated[str | None, typer.Option(help="Implementation that records: fast or reference.")] = None,
    paused: Paused = False,
    name: Names = None,
    owner: Owner = None,
    quiet: Quiet = False,
) -> None:
    """Train a network and record the training in a run folder. Several cells (cell=lstm,gru) train in lockstep.

    WORDS set the fields that `python -m experiments probe --help` lists.
    """
    configs = configs_from_words(words or [])
    if owner is None:  # not for a page's visitor
        allow([*(words or []), *(word for other in against or [] for word in split(other))])
    for other in against or []:
        configs.append(RunConfig.from_values({**configs[0].model_dump(), **parse_words(split(other))}))
    if owner is not None and not OWNER.fullmatch(owner):
        raise ConfigError(f"--owner was {shortened(owner)}; it must be at most 64 letters and digits.")
    if path not in (None, "fast", "reference"):
        raise ConfigError(f"--path was {shortened(path)}; it must be fast or reference.")
    use_one_thread()  # a step is a chain of small products: more threads only wait for each other
    folders = (
        named_folders(name, len(configs), runs_folder(runs))
        if name
        else [folder_for(config, runs_folder(runs), again) for config in configs]
    )
    if len(set(folders)) < len(folders):
        raise ConfigError("two of the runs have the same settings; each must differ from the others.")
    if not quiet:
        warn_of(configs)
    if path != "reference":
        announce_compiling(configs, Console(stderr=True, quiet=quiet))
    follow(start_together(configs, runs_folder(runs), again, path, paused, name or (), owner), quiet)


def announce_compiling(configs: list[RunConfig], console: Console) -> None:
    """Say what takes a minute, the first time that a cell is trained on a machine."""
    missing = {c.cell: None for c in configs if must_compile(CELLS[c.cell], DTYPES[c.dtype])}
    if missing:
        console.print(f"compiling {' and '.join(missing)} for this processor, once; it takes about a minute.")


def named_folders(names: list[str], count: int, runs: Path) -> list[Path]:
    """The run folders with these names.

    Raises:
        ConfigError: a name is not allowed, or there is not one name per run.
    """
    wrong = [name for name in names if not NAME.fullmatch(name) or name in (SWEEPS, PROBES)]
    if wrong:
        raise ConfigError(f"--name was {shortened(wrong[0])}; it must be letters, digits, dots and dashes, not a path.")
    if len(names) != count:
        raise ConfigError(f"--name was given {len(names)} times; it must be given once per run, and there are {count}.")
    return [runs / name for name in names]


def split(words: str) -> list[str]:
    """Split the words of `--against` as a shell does.

    Raises:
        ConfigError: a quotation mark is missing.
    """
    try:
        return shlex.split(words)
    except ValueError as error:
        reason = str(error).lower()
        raise ConfigError(
            f"--against was {shortened(words)} ({reason}); it must be key=value words, quoted as in a shell."
        ) from None


def resume_command(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of runs, or unique beginnings of them.")],
    runs: Runs = None,
    paused: Paused = False,
    quiet: Quiet = False,
    task: Annotated[str | None, typer.Option(help="FILE.py:CLASS, to run the file of a run's own task class.")] = None,
) -> None:
    """Continue a run from its last commit, as if it had never stopped."""
    folders = [find_run(runs_folder(runs), name) for name in names]
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise RunError(f"run {twice.name} was named {folders.count(twice)} times; name each run once.")
    use_one_thread()
    allow([f"task={task}"])
    recorders = resume_together(folders, paused)
    if task is not None and not quiet and all(task != recorder.training.config.task for recorder in recorders):
        sys.stderr.write(visible(f"note: --task {task} has no effect here: no run that was named has this task.\n"))
    follow(recorders, quiet)


def follow(recorders: list[Recorder], quiet: bool) -> None:
    """Train with a progress bar for each run, and print how each run ended."""
    console = Console(stderr=True, quiet=quiet)
    for recorder in recorders:
        chance = f"chance, the loss of a guess, is {recorder.training.chance:.3g}"
        console.print(f"run {recorder.folder.name} in {recorder.folder}; {chance}", highlight=False, soft_wrap=True)
    with stop_at_signals() as stop, watched(recorders, console) as watch:
        train(recorders, watch, stop)
    for recorder in recorders:
        sys.stdout.write(ending(recorder) + "\n")
    if stop.is_set():
        raise typer.Exit(130)


def ending(recorder: Recorder) -> str:
    """How a run ended, in one sentence, and one more for each other length."""
    name, runs, p = recorder.folder.name, recorder.folder.parent, recorder.writer.progress
    loss, chance = last_loss(p), recorder.training.chance
    measured = "" if loss is None else f", loss {loss:.3g} (a guess: {chance:.3g})"
    found = "".join(f" {finding.title}." for finding in ended_findings(p, chance))
    ends = {
        "success": f"run {name} solved the task at step {p.step}{measured}.",
        "steps": f"run {name} took all of its {counted(p.step, 'step')} without solving the task{measured}.{found}",
        "diverged": f"run {name} diverged: after all of its {counted(p.step, 'step')}{measured}.",
        "nonfinite": f"run {name} diverged at step {p.step}: Inf or NaN; `{typed(runs, 'show', name)}` says where.",
    }
    lengths = "".join(f" {sentence}" for sentence in recorder.other_lengths)
    kept = f"run {name} stopped after step {p.step}{measured}; everything is kept. "
    return ends.get(p.reason, kept + f"Continue with `{typed(runs, 'resume', name)}`.") + lengths


def list_command(
    where: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER...", help=f"key=value words; key is a field or status ({', '.join(STATUSES)})."),
    ] = None,
    runs: Runs = None,
    sort: Annotated[
        str, typer.Option(help="Order: created, updated, name, status, step, loss, or a field.")
    ] = "created",
    json: AsJson = False,
) -> None:
    """List the runs, newest first."""
    folder = existing_folder(runs)
    summaries = as_json(list_runs(folder), parse_filter(where or []), sort)
    if json:
        sys.stdout.write(dumps(summaries) + "\n")
    else:
        print_list(output(), summaries, folder)


def existing_folder(runs: Path | None) -> Path:
    """The folder of runs, which must be there where it is named; the usual one may be still to come."""
    folder = runs_folder(runs)
    if not folder.is_dir() and (runs is not None or folder.exists()):
        raise RunError(f"the folder of runs was {spelt_path(folder)}; it must be an existing folder.")
    return folder


def show_command(name: Name, runs: Runs = None, json: AsJson = False) -> None:
    """Show a run's settings, progress and events."""
    run = open_run(find_run(runs_folder(runs), name))
    if json:
        sys.stdout.write(dumps(shown(run)) + "\n")
        return
    to = output()
    for key, value in shown(run).items():
        if value == "":
            continue
        if isinstance(value, float):
            value = significant(value)
        if isinstance(value, dict):  # settings are to be typed again, and therefore exact
            write = bare if key == "settings" else lambda v: significant(v) if isinstance(v, float) else bare(v)
            value = " ".join(f"{k}={write(v)}" for k, v in value.items()) or "none"
        if isinstance(value, list):
            value = "".join(f"\n  {v}" for v in value) or "none"
        to.print(visible(f"{key}: {value}"), highlight=False, markup=False, soft_wrap=True)


def verify_command(name: Name, runs: Runs = None) -> None:
    """Compare every checksum of a run, and name the damaged files."""
    folder, began = find_run(runs_folder(runs), name), time.perf_counter()
    found = verify(folder)
    for problem in found.problems:
        sys.stdout.write(visible(problem) + "\n")
    if found.problems:
        raise DamagedRunError(
            f"{found.damaged} of {found.files} files of run {folder.name} {are(found.damaged)} damaged or missing; "
            "the others are whole."
        )
    seconds = time.perf_counter() - began
    sys.stdout.write(
        f"{found.files} files of run {folder.name} ({readable(found.bytes)}) are whole ({seconds:.1f} s).\n"
    )


def delete_command(
    name: Name, runs: Runs = None, yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False
) -> None:
    """Delete a run after a confirmation."""
    folder = find_run(runs_folder(runs), name)
    if not yes:
        if not sys.stdin.isatty():
            raise RunError(
                f"deleting run {folder.name} needs a confirmation; add --yes to delete it without being asked."
            )
        typer.confirm(f"Delete run {folder.name} for good?", abort=True)
    delete_run(folder)
    sys.stdout.write(f"run {folder.name} is deleted.\n")


def clean_command(runs: Runs = None) -> None:
    """Delete unfinished files of killed processes: starts, commits, deletions and exports.

    Files of living processes stay. It looks in the folder of runs and, for exports, in the current folder.
    """
    gone = clean(existing_folder(runs), Path())
    for path in gone:
        sys.stdout.write(visible(f"{path}\n"))
    sys.stdout.write(f"{counted(len(gone), 'leftover')} deleted.\n")


def add_run_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    commands: dict[str, Callable[..., None]] = {
        "run": run_command,
        "resume": resume_command,
        "list": list_command,
        "show": show_command,
        "export": export_command,
        "verify": verify_command,
        "delete": delete_command,
        "clean": clean_command,
    }
    for name, command in commands.items():
        app.command(name)(command)
