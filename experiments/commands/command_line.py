"""The command line: `python -m experiments probe task=adding cell=lstm seq_len=200`."""

import csv
import io
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import orjson
import typer

from experiments.benchmarks.command import benchmark_command
from experiments.commands.options import Runs
from experiments.commands.recipe_command import recipe_command
from experiments.commands.run_commands import add_run_commands
from experiments.commands.sweep_commands import add_sweep_commands
from experiments.commands.terminal import STANDARD_OUTPUT, output, warn_of
from experiments.config.allowed import allowed
from experiments.config.of_cells import configs_from_words
from experiments.config.run_config import ConfigError, RunConfig, parse_words
from experiments.config.words import bare, cut, spelt_path, visible
from experiments.probing.from_weights import trained_probe, weights_probe
from experiments.probing.given_network import trained_network
from experiments.probing.probe import probe
from experiments.probing.recorded_pass import RecordedPass
from experiments.probing.summary import profile_rows, summary
from experiments.probing.table import findings, probe_table
from experiments.probing.watched import recorded_passes
from experiments.runs.folder import NAME, find_run, run_folders, runs_folder
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from experiments.tasks.own_class import allow
from experiments.weights import choose_stack, read_weights
from models.bptt.threads import use_one_thread

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Record backpropagation through time, step by step."""


def field_help() -> str:
    """One line for each field of `RunConfig` with its allowed values, for `--help`."""
    return "\n\n".join(
        f"{name}={bare(field.default)}: {str(field.description).removesuffix('.')} ({allowed(field)})."
        for name, field in RunConfig.model_fields.items()
    )


@app.command(
    "probe",
    help="Record one forward and backward pass without training, or look at a recorded step of a run.\n\nWORDS are "
    "key=value pairs and .toml files (cell=elman,lstm,gru probes several cells), or the id of one run. Words after a "
    "run's id act on its trained weights.\n\n" + field_help(),
)
def probe_command(
    words: Annotated[
        list[str] | None, typer.Argument(help="key=value words and .toml files, or a RUN and words")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list with one object per cell.")] = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write the whole profile to this file; - prints only the profile.")
    ] = None,
    step: Annotated[
        int | None, typer.Option("--step", help="Recorded optimiser step of a RUN; default: the last one.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Probe a checkpoint: torch, safetensors, Keras 3, HDF5 or ONNX.")
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", help="Recurrent layer of --weights, default: the first one; or module of a RUN."),
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs",
            help="Inputs for --weights or a RUN: a .npy file, noise, or noise:MEAN,DEVIATION; default: the task's.",
        ),
    ] = None,
    runs: Runs = None,
) -> None:
    """Probe configurations, a checkpoint, or a recorded step of a run, and print the results."""
    if as_json and csv_file == STANDARD_OUTPUT:
        raise ConfigError("--csv was '-' and --json was given; only one of them can be printed, so name a file.")
    use_one_thread()  # one recorded pass is a chain of small steps: more threads only wait for each other
    words, results = words or [], list[RecordedPass]()
    if weights is not None:
        stack = choose_stack(read_weights(weights), layer)
        results = [weights_probe(stack, words, inputs, weights.name)]
    elif run := named_run(words, step, runs_folder(runs)):
        results = probe_step(run, step, layer, [word for word in words if not is_name(word)], inputs)
    elif layer or inputs:
        option = "--layer" if layer else "--inputs"
        raise ConfigError(f"{option} was given without --weights or a RUN; name one of them, too.")
    else:
        allow(words)
        configs = configs_from_words(words)
        warn_of(configs)
        results = [stack for config in configs for stack in probe(config).each_stack]
    if csv_file == STANDARD_OUTPUT:
        print_csv(sys.stdout, results)
        return
    if csv_file is not None:
        write_csv(csv_file, results)
    if as_json:
        sys.stdout.write(orjson.dumps([summary(r) for r in results], option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        to = output()
        if weights is not None:
            to.print(stack.sentence, soft_wrap=True, markup=False, highlight=False)
        to.print(probe_table(results))
        for line in findings(results):
            to.print(line, soft_wrap=True, markup=False, highlight=False)


def named_run(words: list[str], step: int | None, runs: Path) -> RunReader | None:
    """The run that one of the words names; None if the words describe a configuration.

    Raises:
        ConfigError: a step of no run, or of several; RunError: no such run, or one that cannot be opened.
    """
    names = [word for word in words if is_name(word)]
    if len(names) == 1 and (step is not None or any(f.name.startswith(names[0]) for f in run_folders(runs))):
        return open_run(find_run(runs, names[0]))
    if len(names) > 1 and all(any(f.name.startswith(name) for f in run_folders(runs)) for name in names):
        raise ConfigError(
            f"the runs were {', '.join(names)}; `probe` takes one, so name the others in commands of their own."
        )
    if step is not None:
        raise ConfigError(f"--step was {step}; it must follow the id of one run, as in `probe RUN --step {step}`.")
    return None


def is_name(word: str) -> bool:
    """Whether a word may be a run's id."""
    return NAME.fullmatch(word) is not None and not word.endswith(".toml")


def probe_step(
    run: RunReader, step: int | None, layer: str | None, settings: list[str], inputs: str | None
) -> list[RecordedPass]:
    """A recorded step as it was recorded, each module; with settings or inputs a fresh pass of its network."""
    if not settings and inputs is None:
        return recorded_passes(run, step, layer)
    network = trained_network(run if layer is None else run.of(layer), step)
    made = trained_probe(network, parse_words(settings), inputs)
    return [probe for probe in made.each_stack if layer in (None, probe.looked_at)] or [made]


app.command("benchmark")(benchmark_command)
app.command("recipe")(recipe_command)


def write_csv(path: Path, results: list[RecordedPass]) -> None:
    """Write every cell's profile to one file."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            print_csv(file, results)
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise ConfigError(f"--csv was {spelt_path(path)}; it must be a file that can be written ({reason}).") from None


def print_csv(to: TextIO, results: list[RecordedPass]) -> None:
    """Write every cell's profile to an open file."""
    rows = [row for result in results for row in profile_rows(result)]
    names = dict.fromkeys(name for row in rows for name in row)  # some cells have a cell state, and some have none
    writer = csv.DictWriter(to, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


add_run_commands(app)
add_sweep_commands(app)


def run() -> None:
    """The entry point. A user's mistake gives one sentence on standard error and exit status 2."""
    sys.stderr = sys.stderr or io.StringIO()
    try:
        if any(word == "" or (word.startswith("--") and word.endswith("=")) for word in sys.argv[1:]):
            raise ConfigError("one of the words was empty, as an unset variable of the shell leaves it; fill it in.")
        if sys.stdout is None:
            raise ConfigError("standard output is closed; it must be open, if only to /dev/null.")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # an encoding without ‖ shows ? for it
        status = app(standalone_mode=False)
        sys.stdout.flush()  # here, as at the interpreter's end a full disk would be a traceback
    except ConfigError as error:
        refuse(str(error))
    except typer.TyperException as error:
        refuse(usage(error))
    except typer.Abort:
        sys.stderr.write("aborted.\n")
        status = 1
    except BrokenPipeError:
        drop_output()
        status = 1
    except OSError as error:
        what = what_failed(error)
        drop_output()
        refuse(f"{what} ({(error.strerror or cut(str(error)) or type(error).__name__).lower()}).")
    sys.exit(status)


def what_failed(error: OSError) -> str:
    """The file that an error of the system is about, or standard output if it refuses again; empty if neither."""
    if error.filename is not None:
        return f"{spelt_path(Path(str(error.filename)))} cannot be used"
    try:
        sys.stdout.flush()
    except OSError:
        return "standard output cannot be written"
    return "the system could not do what this command needs"


def refuse(sentence: str) -> NoReturn:
    """Print the sentence, unless it is empty, and exit with status 2."""
    sys.stderr.write(visible(f"error: {sentence}\n") if sentence else "")
    sys.exit(2)


def usage(error: typer.TyperException) -> str:
    """The sentence for a wrong command line; empty if the help was printed instead."""
    said = " ".join(cut(word) for word in error.format_message().split())
    if not said:
        return ""
    said = re.sub(r" \(Possible options?: ([^,)]*)[^)]*\)", r", did you mean \1", said)
    said = said[0].lower() + said[1:].replace(". Did you mean", ", did you mean").rstrip(".?")
    context = getattr(error, "ctx", None)
    command = "python -m experiments" if context is None else context.command_path
    said = re.sub(r"^got unexpected extra arguments?(?:\(s\))? \((.*)\)$", r"the command does not take: \1", said)
    return f"{said}; `{command} --help` shows what there is."


def drop_output() -> None:
    """Discard output that could not be written; otherwise the interpreter would try again at its end."""
    with suppress(OSError, ValueError):  # no file of the system's, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
