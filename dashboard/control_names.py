"""The one name that every page has for a setting: a field of a run → the label of its control."""

import re

from dashboard.explore.control import OneOf
from dashboard.explore.settings import CONTROLS as OF_EXPLORE
from dashboard.train.controls import CONTROLS as OF_TRAIN
from experiments.config.run_config import RunConfig

OTHERS = {"gain": "Gaussian gain", "penalty_weight": "Weight of the penalty Ω", "floss_steps": "Flossing steps"}
"""Fields that no control of Explore shows under its own name."""
FIELD = re.compile(r"^(\w+)(?= (was|has) )")


def label_of(field: str) -> str:
    """A setting's name, the same on every page."""
    shown = OF_EXPLORE.get(field) or OF_TRAIN.get(field)
    return OTHERS.get(field) or (shown.label if shown else field.replace("_", " ").capitalize())


def words_of(field: str, value: str) -> str | None:
    """An option of a setting as its control writes it; None for what no control offers."""
    controls = (of.get(field) for of in (OF_TRAIN, OF_EXPLORE))
    return next((c.options[value] for c in controls if isinstance(c, OneOf) and value in c.options), None)


def name_control(sentence: str) -> str:
    """An error that begins with a field's name, with the control's name instead: `Sequence length was 0; …`."""
    found = FIELD.match(sentence)
    known = found is not None and (found[1] in OF_EXPLORE or found[1] in RunConfig.model_fields)
    return FIELD.sub(label_of(found[1]), sentence) if found is not None and known else sentence
