"""What runs are called: what a person has named them, else the settings in which they differ."""

import itertools
from collections.abc import Mapping, Sequence

from analysis.figures.theme import cell_name
from analysis.wording import own_digits
from experiments.config.words import cut, visible
from experiments.runs.about import read_about
from experiments.runs.store.reader import RunReader
from models.cells.registry import CELLS

USUAL_FIELDS = 3
"""Settings that the name of a line says, if they tell the runs apart; else as many as it takes."""
FIELD_WORDS: Mapping[str, str] = {
    "learning_rate": "rate {}",
    "seq_len": "length {}",
    "hidden_size": "{} units",
    "num_layers": "{} layers",
    "batch_size": "batch {}",
    "largest_singular_value": "largest singular value {}",
    "forget_bias": "forget-gate bias {}",
    "initialisation": "{} weights",
    "nonlinearity": "{}",
    "task": "{}",
    "truncate": "truncated after {}",
    "record_every": "recorded every {}",
    "evaluate_every": "evaluated every {}",
}
"""Field → how a label says its value; another field is said by its name."""
OPTIMISER_WORDS: Mapping[str, str] = {
    "sgd": "SGD", "momentum": "SGD with momentum", "adam": "Adam", "rmsprop": "RMSprop",
}  # fmt: skip
"""Optimiser → how people write it."""
WITHOUT: Mapping[str, str] = {"clip_threshold": "unclipped", "truncate": "not truncated", "attention": "no attention",
                                  "evaluate_every": "not evaluated"}  # fmt: skip
"""Field → how a label says that it is not set; another field then has its default."""
YES_OR_NO: Mapping[str, tuple[str, str]] = {
    "bidirectional": ("bidirectional", "one direction"),
    "reset_after": ("reset after the product", "reset before the product"),
    "reverse_source": ("source reversed", "source as it is"),
    "stop_on_success": ("stops when it has solved the task", "trains to its last step"),
}
"""Field → how a label says that it is set, and that it is not."""
SAID_FIRST = ("task", "learning_rate", "clip_threshold", "seq_len", "hidden_size", "optimiser", "initialisation")
SAID_LAST = ("steps", "record_every", "evaluate_every", "seed")


def labels(readers: Sequence[RunReader]) -> list[str]:
    """A label for each run, all different: its own name, else the cell and the settings in which the runs differ."""
    said = [
        visible(read_about(reader.folder).name) or settings
        for reader, settings in zip(readers, _by_settings(readers), strict=True)
    ]
    return numbered(said)


def numbered(said: Sequence[str]) -> list[str]:
    """The same labels, those that are said twice with a number that makes them different from all others."""
    free, found = {label: itertools.count(1) for label in said}, list[str]()
    for label in said:
        candidates = (f"{label} ({k})" for k in free[label])
        found.append(label if said.count(label) == 1 else next(c for c in candidates if c not in free))
    return found


def _by_settings(readers: Sequence[RunReader]) -> list[str]:
    if len(readers) == 1 and readers[0].form.watched:
        return [cut(visible(readers[0].title))]
    if any(reader.form.watched for reader in readers):  # whose settings are their programs' own
        trained = iter(_by_settings([reader for reader in readers if not reader.form.watched]))
        return [reader.name if reader.form.watched else next(trained) for reader in readers]
    settings = [reader.settings for reader in readers]
    fields = telling_fields(settings)
    said = []
    for reader, one in zip(readers, settings, strict=True):
        cell = reader.form.stack.cell
        own = [name for name in fields if name != "forget_bias" or CELLS[cell].keep_gate is not None]
        said.append(", ".join([cell_name(cell), *(in_words(name, one.get(name)) for name in own)]))
    return said


def telling_fields(settings: Sequence[Mapping[str, object]]) -> list[str]:
    """The fields that a label says beside the cell: those that tell the runs apart, and then others that differ."""
    differing = [name for name in differing_fields(settings) if name != "cell"]

    def groups(names: Sequence[str]) -> int:
        return len({repr([one.get(name) for name in ("cell", *names)]) for one in settings})

    needed: list[str] = []
    for name in differing:
        if groups([*needed, name]) > groups(needed):
            needed.append(name)
    more = [name for name in differing if name not in needed and name not in SAID_LAST]
    said = [*needed, *more[: max(USUAL_FIELDS - len(needed), 0)]]
    return [name for name in differing if name in said]


def run_settings(readers: Sequence[RunReader], names: Sequence[str]) -> dict[str, str]:
    """Each run's name → its id and settings in one line, for a file that says where its numbers come from."""
    return {
        label: ", ".join([reader.name, *(f"{name}={value}" for name, value in reader.settings.items())])
        for reader, label in zip(readers, names, strict=True)
    }


def differing_fields(settings: Sequence[Mapping[str, object]]) -> list[str]:
    """The fields whose values are not the same in all of these settings, those that matter most first."""
    names = dict.fromkeys(name for one in settings for name in one)
    found = [name for name in names if len({repr(one.get(name)) for one in settings}) > 1]
    order = {name: k for k, name in enumerate(SAID_FIRST)} | {name: 1000 + k for k, name in enumerate(SAID_LAST)}
    return sorted(found, key=lambda name: order.get(name, 100))


def in_words(name: str, value: object) -> str:
    """A field and its value for a label."""
    if value is None:
        return WITHOUT.get(name) or f"default {in_words(name, '')}".strip()
    if name == "clip_threshold":
        return f"clipped at {own_digits(float(str(value)))}"
    if name == "optimiser":
        return OPTIMISER_WORDS.get(str(value)) or cut(visible(str(value)))
    if isinstance(value, bool) and name in YES_OR_NO:
        return YES_OR_NO[name][not value]
    words = own_digits(value) if isinstance(value, float) else cut(visible(str(value))).replace("_", " ")
    return (
        FIELD_WORDS[name].format(words).strip() if name in FIELD_WORDS else f"{name.replace('_', ' ')} {words}".strip()
    )
