"""Open a run folder, and check that this program can run its settings."""

from pathlib import Path
from typing import Any

from experiments.config.run_config import FORMAT_VERSION, ConfigError, RunConfig
from experiments.runs.form import forms_of, title_of
from experiments.runs.store.description import CONFIG, Description, read_description
from experiments.runs.store.errors import ForeignRunError, RunError
from experiments.runs.store.form import Form
from experiments.runs.store.reader import RunReader, open_folder
from experiments.tasks import OWN_CLASS, make_task

LARGEST_VOCABULARY = 2**21
"""Inputs or outputs of a network: there are not so many characters."""


def open_run(folder: Path) -> RunReader:
    """Open a run at its last commit. Nothing large is read.

    Raises:
        ForeignRunError: not a run folder of this program, of a newer format, or with settings that cannot be run.
        DamagedRunError: what it must have is missing or damaged.
    """
    return open_folder(folder, implied_form)


def config_of(run: RunReader) -> RunConfig:
    """The configuration that decided a run.

    Raises:
        RunError: none did, since the run is a training of somebody's own module.
    """
    if run.description.kind != "configuration":
        raise RunError(
            f"run {run.name} was recorded by another program, so it has no configuration; run that program again."
        )
    return RunConfig.from_values(run.description.config)


def config_to_go_on(run: RunReader) -> RunConfig:
    """The configuration with which a training goes on: one that has finished computes nothing, so it needs no device.

    Raises:
        RunError: its configuration is none of this program's.
    """
    config = config_of(run)
    return config.model_copy(update={"device": "cpu"}) if run.status == "finished" else config


def read_configured(folder: Path) -> tuple[Description, RunConfig]:
    """Read the description and the configuration of a configured run's folder.

    Raises:
        RunError: as for `open_run`, or no configuration decided it.
    """
    description = read_description(folder, implied_form)
    if description.kind != "configuration":
        raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} is of a run without a configuration.")
    return description, RunConfig.from_values(description.config)


def implied_form(folder: Path, given: dict[str, Any]) -> tuple[tuple[Form, ...], str] | None:
    """The forms and the title that follow from a configuration; None for a run of another kind or an own task class.

    Raises:
        ForeignRunError: the configuration cannot be run, or is not the one that the run's id is of.
    """
    if given.get("kind", "configuration") != "configuration":
        return None
    values = given.get("config")
    where = f"{CONFIG!r} in {str(folder)!r}"
    try:
        config = RunConfig.from_values(values if isinstance(values, dict) else {"config": None})
    except ConfigError as error:
        raise ForeignRunError(f"{where} cannot be run: {error}") from None
    if given.get("id") not in [config.identity(version) for version in range(1, FORMAT_VERSION + 1)]:
        raise ForeignRunError(f"{where} was changed: its id does not fit its configuration.")
    if OWN_CLASS.fullmatch(config.task):
        return None  # the code of a folder that may be a stranger's does not run, so the folder says its form itself
    try:
        # an earlier version's has no form, and no array that depends on the network's inputs and outputs
        older = given.get("form") is None
        sizes = (1, 1) if older else network_sizes(config, given)
        return forms_of(config, *sizes, "quantiles" if older else None), title_of(config)
    except ConfigError as error:
        raise ForeignRunError(f"{where} cannot be run: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError):
        raise ForeignRunError(f"{where} is not as this program writes it: form is wrong.") from None


def network_sizes(config: RunConfig, given: dict[str, Any]) -> tuple[int, int]:
    """Inputs and outputs of the network: the task's as it is defined now, or the folder's.

    The folder's count where the task was another in an earlier version, or learns a file that need not be here.

    Raises:
        KeyError, TypeError, ValueError, IndexError: the folder does not say them.
    """
    if given["id"] == config.identity() and config.task != "next_character" and config.data_file is None:
        task = make_task(config)
        return task.input_size, task.output_size
    form = given["form"]
    weights = form["weights"]
    sizes = (
        form["stacks"]["recurrent"]["input_size"],
        weights.get("readout.bias", weights.get("readout.output.bias"))[0],
    )
    if not all(type(size) is int and 1 <= size <= LARGEST_VOCABULARY for size in sizes):
        raise ValueError
    return sizes
