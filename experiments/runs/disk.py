"""How much of the disk a recorded run needs, from above, before anything is written."""

from experiments.config.run_config import RunConfig
from experiments.runs.records import layout
from experiments.tasks import make_task
from models.networks.sequence_model import SequenceModel

STEP_BYTES = 400
"""Of the scalars' line of one optimiser step (measured: about 250)."""
FIXED_BYTES = 2**16
"""Of the small files."""
CHECKPOINTS, COPIES = 2, 3
"""Checkpoints on the disk at a time, and numbers per weight in each: itself and two of the optimiser's."""


def run_bytes(config: RunConfig) -> int:
    """Bytes that the run's folder has at its end, at most.

    Raises:
        ConfigError: a text that cannot be read, or units or samples that are not there.
    """
    task = make_task(config)
    model = SequenceModel(
        config.cell, task.input_size, config.hidden_size, task.output_size, config.num_layers, config.bidirectional
    )
    weights = sum(p.numel() for p in model.parameters()) * {"float32": 4, "float64": 8}[config.dtype]
    specs = layout(config, task, model).specs.values()
    recorded = sum(len(spec.chunks(spec.shape[0])) * spec.chunk_bytes for spec in specs)
    return recorded + config.steps * STEP_BYTES + CHECKPOINTS * COPIES * weights + FIXED_BYTES
