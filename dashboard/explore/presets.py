"""Places to start, each of which shows one thing."""

from dataclasses import dataclass, field

from dashboard.explore.settings import HEARD, Settings
from dashboard.server.checks import Value


@dataclass(frozen=True)
class Preset:
    """A name, what to drag, and the settings that differ from the defaults."""

    name: str
    try_this: str
    settings: dict[str, Value] = field(default_factory=dict)
    beside: dict[str, Value] | None = None
    """What differs from these settings in the lines of A beside them; None for no such lines."""

    @property
    def pinned(self) -> Settings | None:
        """The settings of A."""
        return None if self.beside is None else Settings.of({**self.settings, **self.beside})


PRESETS = (
    Preset(
        "Vanishing tanh",
        "Drag the singular value up. The tanh network's gradient stops vanishing only above about 2.",
        {"largest_singular_value": 1.0},
    ),
    Preset(
        "Exploding linear",
        "Drag the singular value across 1. Without a nonlinearity, every step multiplies the gradient by that number.",
        {"cells": ["elman"], "nonlinearity": "identity", "spectrum_shape": "equal", "largest_singular_value": 1.1},
    ),
    Preset(
        "On the edge",
        "All singular values are 1. Drag the input scale up. Large inputs saturate tanh, and the gradient vanishes.",
        {"cells": ["elman"], "spectrum_shape": "equal", "input_scale": 0.1, "loss_position": "last"},
    ),
    Preset(
        "Forget gate",
        "The forget-gate bias is 3. Drag it down to 0 and watch the gradient vanish.",
        {"cells": ["lstm"], "forget_bias": 3.0, "panel": "Gates"},
    ),
    Preset(
        "Clipping",
        "Drag the clip threshold. The step shrinks; its direction and the gradient profile stay the same.",
        {
            "cells": ["elman"],
            "nonlinearity": "identity",
            "spectrum_shape": "equal",
            "largest_singular_value": 1.1,
            "seq_len": 60.0,
            "panel": "Clipping",
        },
    ),
    Preset(
        "Non-normal",
        "The norm is 1.5, and yet the gradient vanishes. The reason: all eigenvalues lie inside the unit circle.",
        {
            "cells": ["elman"],
            "nonlinearity": "identity",
            "initialisation": "gaussian",
            "largest_singular_value": 1.5,
            "panel": "Spectrum",
        },
    ),
    Preset(
        "France … French",
        "Drag the forget-gate bias up to 3. Then the LSTM's loss hears the country; Elman's does not.",
        {"task": "france", "cells": ["elman", "lstm"], "seq_len": 30.0, "overlays": [HEARD], "panel": "Inputs"},
    ),
    Preset(
        "Translation",
        "Line A has no attention: its gradient fades on the way back. With attention, every word is near.",
        {
            "task": "translation",
            "cells": ["gru"],
            "network": "encoder_decoder",
            "attention": "dot",
            "stack": "encoder",
            "seq_len": 8.0,
            "overlays": [HEARD],
            "panel": "Credit",
        },
        beside={"attention": "none"},
    ),
    Preset(
        "Caption",
        "A decoder describes the picture. A map of the picture below shows which pixels the caption's loss hears.",
        {
            "task": "captioning",
            "cells": ["gru"],
            "network": "one_to_many",
            "seq_len": 3.0,
            "overlays": [HEARD],
            "panel": "Inputs",
            "attention": "bahdanau",
        },
        beside={"attention": "none"},
    ),
)
