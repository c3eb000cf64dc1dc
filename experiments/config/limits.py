"""Estimate the memory of a recorded pass, and refuse a pass that needs too much."""

import math

from experiments.config.listed import lengths_of
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.tasks import Task, make_task
from models.cells.registry import CELLS
from models.networks.picture_reader import CHANNELS, COLOURS, reader_size

MEMORY_LIMIT = 4 * 2**30
"""Most bytes of one recorded pass: 4 GiB."""


def memory_estimate(config: RunConfig, task: Task | None = None) -> int:
    """Upper bound on the peak memory in bytes of one recorded pass (`record`) with one optimiser step.

    With N = time · batch samples, H hidden units, G row blocks of the weights, S states (2 for h and c), D
    directions and L layers, in numbers of the dtype's size:

        data     N · (2 input + 5 output)           inputs twice; outputs, their gradients and the loss's buffers
        kept     L·D · N · H · (7 S + 3 G + 4)      states, gates, adjoints, total and direct gradients, stacked copies
        working  N · H · (5 G + 5 S + 6 + 2 D)      autograd's buffers of the one layer at work, and its input gradients
        weights  9 · (parameters)                   weights, gradients, their copies, and two numbers of the optimiser

    With an attention over S of the timesteps, the T − S others being its readers, for each sequence

        attention  S · (T − S) · batch · 4, and times (6 H) where its score has a layer of H units (bahdanau)

    An encoder and a decoder have twice the weights, and H more inputs where the decoder's step reads a context. A dense
    head has its own weights and outputs. A picture of `pixels` takes, with the C_1 and C_2 channels of its convolutions
    and each with its gradient, `PictureReader`:

        picture    2 · batch · pixels · (4 C_1 + 2 C_2)

    and in bytes: 64 · N · (1 + L·D) for exponents, log norms, targets and indices; a fixed part for each of the small
    tensors that a timestep makes, `STEP_OVERHEAD` · time · L·D.

    It allocates nothing, except the text of a task that reads one if `task` is left out.
    """
    task = task or make_task(config)
    cell = CELLS[config.cell]
    time = task.length(config.seq_len)
    N, H, L = time * config.batch_size, config.hidden_size, config.num_layers
    G, S, D = len(cell.blocks), len(cell.state_names), 2 if config.bidirectional else 1

    data = N * (2 * task.input_size + 5 * task.output_size)
    kept = L * D * N * H * (7 * S + 3 * G + 4)
    working = N * H * (5 * G + 5 * S + 6 + 2 * D)
    shapes = [*cell.parameter_shapes(task.input_size, H).values()]
    shapes += [*cell.parameter_shapes(D * H, H).values()] * (L - 1)
    recurrent = D * sum(math.prod(shape) for shape in shapes)
    head = (D * H + 1) * task.output_size
    source = task.source(config.seq_len) if config.network != "sequence" else None
    attention = 0
    if source is not None:
        recurrent, head = 2 * recurrent + 4 * G * H * H, 2 * head
        if config.attention is not None:
            per_pair = 6 * H if config.attention == "bahdanau" else 4
            attention = source * (time - source) * config.batch_size * per_pair
    if config.head == "dense":
        dense = config.dense_size or D * H
        head += (D * H + 1) * dense + dense * task.output_size
        data += 4 * N * dense
    picture = 0
    if config.network == "one_to_many" and source is not None:
        few, more = CHANNELS
        pixels = source * task.input_size // COLOURS
        picture = 2 * config.batch_size * pixels * (4 * few + 2 * more)
        head += reader_size(task.input_size, H, L * S * H + task.input_size)
    weights = 9 * (recurrent + head)

    itemsize = {"float32": 4, "float64": 8}[config.dtype]
    return (
        (data + kept + working + weights + attention + picture) * itemsize
        + 64 * N * (1 + L * D)
        + STEP_OVERHEAD * time * L * D
    )


STEP_OVERHEAD = 5_000
"""Bytes of one timestep's tensors in one layer and direction that do not depend on their sizes (measured)."""


def check_memory(config: RunConfig, task: Task | None = None, limit: int = MEMORY_LIMIT) -> None:
    """Raise ConfigError unless the pass fits in memory, and one sequence of each other length, too.

    Raises:
        ConfigError: the estimate passes the limit (bytes); the sentence has both and the fields to reduce.
    """
    for seq_len in lengths_of(config.evaluate_at):
        check_memory(config.model_copy(update={"seq_len": seq_len, "batch_size": 1, "evaluate_at": None}), task, limit)
    estimate = memory_estimate(config, task)
    if estimate <= limit:
        return
    sizes = f"seq_len was {config.seq_len}, batch_size {config.batch_size}, hidden_size {config.hidden_size} and "
    sizes += f"num_layers {config.num_layers}, which need about {readable(estimate)} of memory for a recorded pass"
    raise ConfigError(f"{sizes}; it must be at most {readable(limit)}, so reduce one of them.")


def readable(size: int) -> str:
    """Bytes in a readable unit, with at least three significant digits: `4 GiB`, `13.7 MiB`."""
    exponent = min(max(size.bit_length() - 1, 0) // 10, 4)
    number = size / 2 ** (10 * exponent)
    digits = f"{number:.3g}" if number < 1000 else f"{number:.0f}"
    return f"{digits} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[exponent]}"
