"""From each lesson into Explore: the settings there of the lesson's network, as its controls stand."""

from collections.abc import Callable, Mapping

from dashboard.explore.configs import page_values
from dashboard.explore.link import write_link
from dashboard.explore.settings import LARGEST_SINGULAR_VALUE, Settings
from dashboard.lessons.lesson import AnyLesson, Live, Values
from dashboard.server.checks import Value
from experiments.config.run_config import RunConfig
from experiments.probing.truncated import STEPS

Road = Callable[[Values], Mapping[str, Value]]


def _number(values: Values, key: str) -> float:
    return float(values[key])


def _one_unit(weight: float, steps: float, **more: Value) -> dict[str, Value]:
    """One unit whose weight has this size; Explore draws its sign, on which no size of a gradient depends."""
    size = min(abs(weight), LARGEST_SINGULAR_VALUE)
    return {"cells": ["elman"], "hidden_size": 1, "largest_singular_value": size, "seq_len": float(steps),
            "loss_position": "last", **more}  # fmt: skip


def _way_back(values: Values) -> Mapping[str, Value]:
    kind = values["kind"]
    return {
        "cells": ["elman"], "seq_len": 100.0, "loss_position": "last",
        "largest_singular_value": min(_number(values, "norm"), LARGEST_SINGULAR_VALUE),
        "nonlinearity": "tanh" if kind == "tanh" else "identity",
        "spectrum_shape": "equal" if kind == "orthogonal" else "gaussian",
    }  # fmt: skip


def _flat_matrix(values: Values) -> Mapping[str, Value]:
    """B: all weights are b, so that one singular value is b times the side, and all others are 0."""
    side = round(_number(values, "size"))
    largest = min(_number(values, "flat") * side, LARGEST_SINGULAR_VALUE)
    return {
        "cells": ["elman"], "hidden_size": side, "nonlinearity": "identity", "seq_len": 100.0, "loss_position": "last",
        "singular_values": ",".join(["1", *["0"] * (side - 1)]), "largest_singular_value": largest,
    }  # fmt: skip


def _gaussian(gain: float, **more: Value) -> Mapping[str, Value]:
    """Gaussian weights of a gain; the largest singular value of a wide matrix is twice that."""
    largest = min(2 * gain, LARGEST_SINGULAR_VALUE)
    return {"cells": ["elman"], "spectrum_shape": "gaussian", "largest_singular_value": largest, **more}


def _truncated(values: Values) -> Mapping[str, Value]:
    return {
        "cells": [str(values["cell"])], "seq_len": float(STEPS), "truncate": _number(values, "length"),
        "truncate_kind": str(values["kind"]), "loss_position": "every",
    }  # fmt: skip


def _untrained(config: RunConfig) -> dict[str, Value]:
    """The network of a run before its first step; orthogonal weights have no singular value but 1."""
    names = ("task", "seq_len", "hidden_size", "batch_size", "dtype", "initialisation", "seed", "clip_threshold")
    return {"cells": [config.cell], **page_values({name: getattr(config, name) for name in names})}


_ROADS: Mapping[int, Road] = {
    1: lambda v: _one_unit(_number(v, "weight"), _number(v, "steps"), nonlinearity="identity"),
    2: lambda v: _one_unit(_number(v, "weight"), 3) | {"loss_position": str(v["losses"])},
    3: _way_back,
    4: _flat_matrix,
    5: lambda v: _gaussian(_number(v, "gain"), seq_len=100.0, input_scale=_number(v, "variance") ** 0.5),
    6: lambda v: _one_unit(_number(v, "start"), 50, nonlinearity="sigmoid", clip_threshold=_number(v, "threshold")),
    7: lambda v: _gaussian(_number(v, "gain"), seq_len=100.0, panel="Clipping", clip_threshold=_number(v, "threshold")),
    8: lambda v: {"cells": ["lstm"], "forget_bias": _number(v, "bias"), "panel": "Paths",
                  "largest_singular_value": min(_number(v, "norm"), LARGEST_SINGULAR_VALUE)},
    9: lambda v: {"cells": ["gru", "lstm"], "hidden_size": round(_number(v, "units")),
                  "forget_bias": _number(v, "bias"), "panel": "Paths"},
    10: _truncated,
    11: lambda v: _one_unit(_number(v, "weight"), 100, nonlinearity=str(v["unit"])),
}  # fmt: skip
"""Lesson → its settings on Explore. The lesson that trains has those of its run that is clipped."""


_ONE_UNIT = (
    "Explore takes the size of the recurrent weight from here. Its sign, the inputs and all other weights are random."
)
_SAME_LAW = (
    "Explore draws other random weights with these settings. Its numbers are close to the lesson's, but not the same."
)
_DIFFERENCES: Mapping[int, str] = {
    1: _ONE_UNIT,
    2: _ONE_UNIT,
    4: "Explore's matrix has the singular values of the lesson's matrix, but other weights.",
    6: _ONE_UNIT,
    11: _ONE_UNIT,
    12: "Explore opens the last of these networks as it was before training.",
}
"""Lesson → in what its network on Explore is not the lesson's, for those of which `_SAME_LAW` does not say it."""


def explain_difference(lesson: AnyLesson) -> str:
    """In what the network that Explore opens is not the lesson's, in a sentence."""
    return _DIFFERENCES.get(lesson.number, _SAME_LAW)


def explore_settings(lesson: AnyLesson, values: Values) -> Settings:
    """What Explore shows of the lesson's network; a number beyond its sliders stops at their end."""
    if isinstance(lesson.bench, Live):
        return Settings.of(_untrained(lesson.bench.lanes(values)[-1]))
    return Settings.of(dict(_ROADS[lesson.number](values)))


def explore_link(lesson: AnyLesson, values: Values) -> dict[str, str]:
    """The same as parameters of Explore's address."""
    return {"from": "defaults", **write_link(explore_settings(lesson, values))}
