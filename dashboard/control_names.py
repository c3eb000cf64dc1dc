"""The one name that every page has for a setting: a field of a run → the label of its control."""

import re

from dashboard.explore.control import OneOf, TextFile
from dashboard.explore.settings import CONTROLS as OF_EXPLORE
from dashboard.train.controls import CONTROLS as OF_TRAIN
from experiments.config.run_config import RunConfig

OTHERS = {"gain": "Gaussian gain", "penalty_weight": "Weight of the penalty Ω", "floss_steps": "Flossing steps"}
"""Fields that no control of Explore shows under its own name."""
FIELD = re.compile(r"^(\w+)(?= (was|has) )")
PAIR = re.compile(r"\b(\w+)=(\w+)")
"""A setting and its value as the command line has them, as `task=adding`."""
NUMBER = re.compile(r"\b[a-z]+(?:_[a-z]+)+(?= \d)")
"""A further setting of the same sentence with its number, as `batch_size 16`."""
VALUE = re.compile(r"(?<= was ')\w+(?=')")
SWITCHED = {"true": "on", "false": "off"}


def label_of(field: str) -> str:
    """A setting's name, the same on every page."""
    shown = OF_EXPLORE.get(field) or OF_TRAIN.get(field)
    return OTHERS.get(field) or (shown.label if shown else field.replace("_", " ").capitalize())


def label_within(field: str) -> str:
    """A setting's name within a sentence: `sequence length`; `Elman` keeps its capital."""
    label = label_of(field)
    return label if label.startswith("Elman") else f"{label[:1].lower()}{label[1:]}"


def words_of(field: str, value: str) -> str | None:
    """An option of a setting as its control writes it; None for what no control offers."""
    controls = (of.get(field) for of in (OF_TRAIN, OF_EXPLORE))
    return next((c.options[value] for c in controls if isinstance(c, OneOf | TextFile) and value in c.options), None)


def name_control(sentence: str) -> str:
    """An error with the names and words of controls for those of fields.

    Example:
        >>> name_control("network was 'encoder_decoder', but task=adding has no source and target.")
        "Network was 'encoder and decoder', but the task “Adding two numbers” has no source and target."
    """
    sentence = PAIR.sub(_name_pair, sentence)
    found = FIELD.match(sentence)
    if found is None or not (found[1] in OF_EXPLORE or found[1] in RunConfig.model_fields):
        return sentence
    said = NUMBER.sub(_name_field, FIELD.sub(label_of(found[1]), sentence))
    return VALUE.sub(lambda value: words_of(found[1], value[0]) or value[0], said, count=1)


def _name_field(found: re.Match[str]) -> str:
    return label_of(found[0]) if found[0] in RunConfig.model_fields else found[0]


def _name_pair(found: re.Match[str]) -> str:
    field, value = found.groups()
    words, label = words_of(field, value), label_within(field)
    if words is not None:
        return f"the {label} “{words}”"
    return f"{label} = {SWITCHED.get(value, value)}" if field in RunConfig.model_fields else found[0]
