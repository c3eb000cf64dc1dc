"""Estimate the disk space of a recorded run from above, before anything is written."""

from experiments.config.run_config import RunConfig
from experiments.runs.form import forms_of
from experiments.runs.store.layout import layout_of
from experiments.tasks import make_task

STEP_BYTES = 400
"""Bytes of the line of scalars of one optimiser step (measured: about 250)."""
FIXED_BYTES = 2**16
"""Bytes of the small files."""
CHECKPOINTS, COPIES = 2, 3
"""Checkpoints on the disk at a time, and numbers per weight in each: itself and two of the optimiser's."""


def run_bytes(config: RunConfig) -> int:
    """Upper bound on the bytes of the run's folder at its end.

    Raises:
        ConfigError: a text that cannot be read, or units or samples that are not there.
    """
    task = make_task(config)
    form, *others = forms_of(config, task.input_size, task.output_size)
    weights = form.weight_count * {"float32": 4, "float64": 8}[config.dtype]
    specs = layout_of(form, others).specs.values()
    recorded = sum(len(spec.chunks(spec.shape[0])) * spec.chunk_bytes for spec in specs)
    return recorded + config.steps * STEP_BYTES + CHECKPOINTS * COPIES * weights + FIXED_BYTES
