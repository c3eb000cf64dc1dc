"""A run's id, which follows from its settings."""

import hashlib
import json
from collections.abc import Mapping

FORMAT_VERSION = 3
"""Part of every run's id; it is increased when the same fields begin to mean a different run.

1: weights were drawn in the run's own dtype. 2: they are drawn in float64 and rounded. 3: blanks of delayed_xor have no
loss and no output.
"""
OF_TASKS = {3: ("delayed_xor",)}
"""Format version → the only tasks that it changed; the runs of others keep the ids of the version before."""

CAME_LATER = (
    "truncate_kind", "network", "head", "dense_size", "start", "attention", "reverse_source", "data_file",
    "data_column", "evaluate_at", "features", "biases", "spectral_radius", "penalty_weight", "input_bias",
    "floss_steps", "floss_exponents", "delay", "device",
)  # fmt: skip
"""Fields that were added within this format version: earlier runs have their defaults."""


def identity_of(fields: Mapping[str, object], defaults: Mapping[str, object], version: int) -> str:
    """12 hexadecimal digits of the SHA-256 of all fields and a format version.

    The canonical form is JSON with sorted keys. A field of `CAME_LATER` counts only if it has not its default.
    """
    counted = {
        name: v + 0.0 if isinstance(v, float) else v  # -0.0 is 0.0
        for name, v in fields.items()
        if name not in CAME_LATER or v != defaults[name]
    }
    content = {"format": format_of(fields["task"], version), **counted}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def format_of(task: object, version: int) -> int:
    """The latest version, up to this one, that changed what runs of a task mean."""
    return max(v for v in range(1, version + 1) if task in OF_TASKS.get(v, (task,)))
