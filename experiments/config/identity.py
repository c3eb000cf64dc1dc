"""A run's id, which follows from its settings."""

import hashlib
import json
from collections.abc import Mapping

FORMAT_VERSION = 2
"""Part of every run's id; it is increased when the same fields begin to mean a different run.

1: weights were drawn in the run's own dtype. 2: they are drawn in float64 and rounded.
"""

CAME_LATER = (
    "truncate_kind", "network", "head", "dense_size", "start", "attention", "reverse_source", "data_file",
    "data_column", "evaluate_at", "features", "biases", "spectral_radius", "penalty_weight", "input_bias",
    "floss_steps", "floss_exponents", "delay",
)  # fmt: skip
"""Fields that were added within this format version: earlier runs have their defaults."""

REDEFINED = {"delayed_xor": 2}
"""Task → how often it has been defined within this format version, where that is more than once.

delayed_xor, 2: blanks have no loss.
"""


def identity_of(fields: Mapping[str, object], defaults: Mapping[str, object], version: int) -> str:
    """12 hexadecimal digits of the SHA-256 of all fields and a format version.

    The canonical form is JSON with sorted keys. A field of `CAME_LATER` counts only if it has not its default, and how
    often a task has been defined only if it is in `REDEFINED`.
    """
    counted = {
        name: v + 0.0 if isinstance(v, float) else v  # -0.0 is 0.0
        for name, v in fields.items()
        if name not in CAME_LATER or v != defaults[name]
    }
    task = fields["task"]
    defined = {"defined": REDEFINED[task]} if task in REDEFINED else {}
    content = {"format": version, **defined, **counted}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
