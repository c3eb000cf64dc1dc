"""The one table of Train's settings, and the configurations of the lanes that they describe."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from analysis.clipping import CLIP_RULES
from analysis.figures.theme import cell_name
from dashboard.explore.control import Control, OneOf, Slide, Text, Whole
from dashboard.explore.link import read_settings
from dashboard.explore.settings import CONTROLS as OF_EXPLORE
from dashboard.explore.settings import LONGEST, OF_NETWORK, OF_SOME, settings_of_task
from dashboard.option_words import CLIP_RULE_WORDS, INITIALISATION_WORDS, LENGTHS_WORDS, name_options
from dashboard.server.checks import Value
from experiments.config.run_config import ConfigError, RunConfig
from experiments.runs.naming import OPTIMISER_WORDS
from experiments.tasks import WITH_PICTURE, WITH_SOURCE
from models.cells.registry import CELLS
from models.networks.registry import NETWORKS

SECOND = {
    "none": "none",
    "unclipped": "same, without clipping",
    "cell": "same, another cell",
    "initialisation": "same, orthogonal weights",
}
"""Second lane → its words: the first lane's settings with one change."""

OTHERS = "others"
"""The settings that no other control shows, as JSON: those of a watched run, or of Explore."""

_CELLS = {cell: cell_name(cell) for cell in CELLS}
_LENGTHS = {**LENGTHS_WORDS, "ranged": "random, equal in a batch", "curriculum": "growing over the steps"}
_AS_ON_EXPLORE = ("network", "head", "start", "attention", "features", "reverse_source", "delay", "text_file",
                  "seq_len_min", "truncate_kind")  # fmt: skip
_WEIGHTS = ["gaussian", "default", "orthogonal", "identity", "irnn", "chrono"]

# fmt: off
CONTROLS: Mapping[str, Control[Any]] = {
    "task": replace(OF_EXPLORE["task"], default="temporal_order"),
    "cell": OneOf("Cell", "elman", _CELLS),
    **{name: OF_EXPLORE[name] for name in _AS_ON_EXPLORE},
    "seq_len_schedule": OneOf("Lengths", "fixed", _LENGTHS),
    "truncate": Whole("Truncate after", 0, 0, LONGEST, least="never", help=OF_EXPLORE["truncate"].help),
    "seq_len": Whole("Sequence length", 30, 1, 1000),
    "hidden_size": Whole("Hidden units", 50, 1, 512),
    "batch_size": Whole("Batch size", 20, 1, 256),
    "steps": Whole("Steps", 30_000, 1, 1_000_000),
    "optimiser": OneOf("Optimiser", "sgd", dict(OPTIMISER_WORDS)),
    "learning_rate": Slide("Learning rate", 0.01, 1e-8, 1000.0, 0.001),
    "clip_threshold": Slide("Clip threshold", 1.0, 0.0, 1e6, 0.1, least="none", help=(
        "A gradient with a larger norm is scaled down to this norm. Empty the field for no clipping.")),
    "seed": Whole("Seed", 0, 0, 2**31),
    "clip_rule": OneOf("Clip by", "norm", name_options([*CLIP_RULES], CLIP_RULE_WORDS)),
    "initialisation": OneOf("Initial weights", "gaussian", name_options(_WEIGHTS, INITIALISATION_WORDS)),
    "gain": Slide("Gaussian gain", 0.7, 0.01, 10.0, 0.1),
    "record_every": Whole("Recording interval", 50, 1, 10_000, help=(
        "Optimiser steps from one recorded step to the next.")),
    "second": OneOf("Second lane", "unclipped", SECOND),
    "second_cell": OneOf("Second cell", "lstm", _CELLS),
    OTHERS: Text("Other settings", "", 4000),
}
"""Name of a setting → its control. Beside those of the second lane and `others` they are fields of `RunConfig`."""
# fmt: on
DEFAULTS: Mapping[str, Value] = {name: control.default for name, control in CONTROLS.items()}
_OWN = (OTHERS, "second", "second_cell")


def read_others(text: str) -> dict[str, object]:
    """The fields of `RunConfig` that a text of `others` has; none where it is not one that was written here."""
    try:
        given = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    fields = RunConfig.model_fields.keys() - CONTROLS.keys()
    return {name: value for name, value in given.items() if name in fields} if isinstance(given, dict) else {}


def apply_to(task: str) -> list[str]:
    """The networks that a task can train."""
    if task not in WITH_SOURCE:
        return ["sequence"]
    return [name for name in NETWORKS if task in WITH_PICTURE or not NETWORKS[name].needs_picture]


def make_lanes(values: Mapping[str, Value]) -> list[RunConfig]:
    """The lanes' configurations: one, or two that differ in one setting.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    task, network = str(values["task"]), str(values["network"])
    network = network if network in apply_to(task) else "sequence"
    applies = {*OF_NETWORK[network], *settings_of_task(task, str(values["seq_len_schedule"]))}
    hidden = (OF_SOME - applies) | {*_OWN}
    own = {name: value for name, value in values.items() if name not in hidden}
    fields: dict[str, Any] = {**read_others(str(values[OTHERS])), **own, "network": network}
    fields["clip_threshold"], fields["truncate"] = values["clip_threshold"] or None, values["truncate"] or None
    fields["delay"] = values["delay"] if "delay" in applies and values["delay"] else None
    if "truncate" not in NETWORKS[network].takes:
        fields["truncate"] = None
    if values["attention"] == "none" or "attention" not in applies:
        fields["attention"] = None
    if "seq_len_min" in applies:
        fields["seq_len_min"] = min(int(str(values["seq_len_min"])), int(str(values["seq_len"])))
    lanes = [RunConfig.from_values(fields)]
    if (change := second_change(str(values["second"]), values["second_cell"])) is not None:
        lanes.append(RunConfig.from_values({**fields, **change}))
    return lanes if len({lane.identity() for lane in lanes}) == len(lanes) else lanes[:1]


def second_change(second: str, cell: object) -> dict[str, object] | None:
    """The fields in which the second lane differs; None without a second lane."""
    changes: dict[str, dict[str, object]] = {
        "unclipped": {"clip_threshold": None},
        "cell": {"cell": cell},
        "initialisation": {"initialisation": "orthogonal"},
    }
    return changes.get(second)


def settings_of(lanes: Sequence[RunConfig]) -> dict[str, Value]:
    """The settings that describe lanes, so that `make_lanes` makes the same ones of them.

    Raises:
        ConfigError: the page cannot set one of their values.
    """
    first, default = lanes[0].model_dump(), RunConfig().model_dump()
    spelt = {
        **first,
        "clip_threshold": first["clip_threshold"] or 0.0,
        "attention": first["attention"] or "none",
        "delay": first["delay"] or 0,
        "truncate": first["truncate"] or 0,
    }
    values, wrong = read_settings({name: spelt[name] for name in CONTROLS if name in spelt}, CONTROLS)
    if wrong:
        raise ConfigError(f"{wrong[0]}.")
    others = {name: value for name, value in first.items() if name not in CONTROLS and value != default[name]}
    second = _second_of(lanes)
    cell = {"second_cell": lanes[1].cell} if second == "cell" else {}
    return {**DEFAULTS, **values, OTHERS: orjson.dumps(others).decode() if others else "", "second": second, **cell}


def _second_of(lanes: Sequence[RunConfig]) -> str:
    """Which change makes the second of these lanes from the first."""
    if len(lanes) == 2:
        for second in SECOND:
            change = second_change(second, lanes[1].cell)
            if change is not None and lanes[0].model_copy(update=change) == lanes[1]:
                return second
    return "none"
