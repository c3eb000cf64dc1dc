"""A recorded step as the layer records that `models.record` made of it, for the sequences that were kept."""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from experiments.runs.store.errors import DamagedRunError, ForeignRunError, RunError
from experiments.runs.store.reader import RunReader
from models.bptt.lengths import padding
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import side_by_side
from models.cells.cell import Cell
from models.recording.layer_record import LayerRecord
from models.recording.trace import Stack


def layer_records(run: RunReader, step: int | None = None) -> Stack:
    """The layers and directions of a recorded step, of the kept sequences: bit by bit what `models.record` gave.

    Args:
        run: an open run.
        step: the optimiser step, from 1; None for the last that is recorded.

    Raises:
        RunError: the step is not recorded, did not reach the module, or the run does not keep all that a layer record
            needs.
        DamagedRunError: a chunk is missing or damaged.
    """
    if run.form.keeps != "layers":
        raise RunError(run.form.lacks())
    row, stack, cells = row_of(run, step), run.form.stack, cells_at(run, step)
    length, sizes = length_at(run, row), stack.state_sizes
    which, lengths = kept_lengths(run, row, length)

    def read(name: str) -> Tensor:
        """A row without the timesteps beyond its length, and of the sequences that it has."""
        tensor = run.tensor(name)
        axes = [axis.partition("_")[0] for axis in tensor.dimensions[1:]]
        values = torch.from_numpy(tensor[row])
        if "time" in axes:
            values = values.narrow(axes.index("time"), 0, length)
        return values if which is None else values.index_select(axes.index("sample"), which)

    inputs = read("inputs")
    names = ("hidden", "cell_state")[: len(sizes)]
    after = [read(name)[..., :size] for name, size in zip(names, sizes, strict=True)]
    above = read("upper_inputs") if run.form.watched and stack.num_layers > 1 else None
    gates = read("gates") if stack.cell_type.gate_names else None
    gradient = [read(name) for name in GRADIENTS]
    start = read("start_states")
    at_start = [read(name) for name in START_GRADIENTS]

    layers: list[LayerRecord] = []
    for k, cell in enumerate(cells):
        first = k - k % stack.num_directions  # of this layer's directions
        below = side_by_side([*after[0][first - stack.num_directions : first]]) if first else inputs
        if above is not None and first:  # dropout may lie between them
            below = above[first // stack.num_directions - 1]
        reverse = k % stack.num_directions == 1
        values, exponents, log_norms = (part[:, k] for part in gradient)
        s = tuple(part[k] for part in after)
        s_0 = tuple(part[..., :size] for part, size in zip(start[:, k], sizes, strict=True))
        layers.append(
            LayerRecord(
                cell=cell,
                inputs=below,
                before=tuple(shifted(*part, reverse, lengths) for part in zip(s, s_0, strict=True)),
                after=s,
                gates={} if gates is None else dict(zip(cell.gate_names, gates[:, k], strict=True)),
                reverse=reverse,
                lengths=lengths,
                direct=parts(values, exponents, sizes)[: len(names)],
                total=parts(values, exponents, sizes)[len(names) :],
                log_norm=log_norms[len(names)],
                direct_log_norm=log_norms[0],
                grad_start=parts(at_start[0][:, k], at_start[1][:, k], sizes),
                truncate=run.form.truncate,
                truncate_kind=run.form.truncate_kind,
            )
        )
    return Stack(tuple(layers), stack.num_directions)


def length_at(run: RunReader, row: int) -> int:
    """Timesteps of a recorded step's sequences.

    Raises:
        RunError: the step's backward pass did not reach a watched module.
        DamagedRunError: what is stored is no length that the run can have.
    """
    length = int(run.tensor("length")[row])
    if run.form.watched and length == 0:
        step, module = int(run.tensor("step")[row]), next(iter(run.form.stacks))
        raise RunError(
            f"step was {step}, whose backward pass did not reach the module {module!r}; choose another step of run "
            f"{run.name}."
        )
    if not 1 <= length <= run.form.timesteps:
        raise DamagedRunError(
            f"'length' in {str(run.folder)!r} says that a recorded step has {length} timesteps; it must have 1 to "
            f"{run.form.timesteps}."
        )
    return length


def kept_lengths(run: RunReader, row: int, length: int) -> tuple[Tensor | None, Tensor | None]:
    """Which of the kept sequences a recorded step has, None for all, and their lengths, None where they are the same.

    Raises:
        RunError: it has none of them.
        DamagedRunError: what is stored is no length that they can have.
    """
    of_batch = lengths_at(run, row, length)
    if of_batch is None:
        return None, None
    lengths = of_batch[run.form.samples]
    which = torch.nonzero(lengths).flatten()
    if not len(which):
        raise RunError(f"run {run.name} keeps no sequence of step {int(run.tensor('step')[row])}; choose another step.")
    there = None if len(which) == len(lengths) else which
    return there, None if bool((lengths[which] == length).all()) else lengths[which]


def lengths_at(run: RunReader, row: int, length: int) -> Tensor | None:
    """The timesteps of each sequence of the batch, 0 for those that a watched step lacks; None if all are equal.

    Raises:
        DamagedRunError: what is stored is no length that they can have.
    """
    if not (run.form.watched or run.form.unequal):
        return None
    lengths = torch.from_numpy(run.tensor("lengths")[row]).long()
    fewest = 0 if run.form.watched else 1
    if bool((lengths < fewest).any() or (lengths > length).any()):
        raise DamagedRunError(f"'lengths' in {str(run.folder)!r} has a value that no sequence can have as its length.")
    return lengths


GRADIENTS = ("gradients", "gradient_exponents", "gradient_log_norms")
START_GRADIENTS = ("start_gradients", "start_gradient_exponents")


def shifted(after: Tensor, start: Tensor, reverse: bool, lengths: Tensor | None = None) -> Tensor:
    """s_{t-1} of every t, in the order in which the direction reads: [time, sample, unit]."""
    if not reverse:
        return torch.cat([start[None], after[:-1]])
    if lengths is not None:  # a shorter sequence is read from its own end
        after = torch.where(padding(len(after), lengths)[..., None], start, after)
    return torch.cat([after[1:], start[None]])


def parts(values: Tensor, exponents: Tensor, sizes: Sequence[int]) -> tuple[Scaled, ...]:
    """The gradients along the first axis, each with its exponents: of h, and of c, which may have other sizes."""
    pairs = enumerate(zip(values, exponents, strict=True))
    return tuple(Scaled((v[..., : sizes[k % len(sizes)]],), e) for k, (v, e) in pairs)


def cells_at(run: RunReader, step: int | None = None) -> list[Cell]:
    """Each layer's and direction's cell with its weights as the step found them. Raises as `weights_at`."""
    weights, stack = weights_at(run, step), run.form.stack
    module = next(iter(run.form.stacks))
    by_layer = [{name: weights[f"{module}.{name}_{suffix}"] for name in stack.shapes(0)} for suffix in stack.suffixes]
    try:
        return [stack.cell_type(**of_layer, **stack.options) for of_layer in by_layer]  # type: ignore[arg-type]
    except ValueError:
        options = f"form.stacks.{module}.options"
        raise ForeignRunError(f"run {run.name} describes a cell that cannot exist: {options} is wrong.") from None


def weights_at(run: RunReader, step: int | None = None) -> dict[str, Tensor]:
    """Parameter, in torch's names → its value as the recorded step found it.

    Raises:
        RunError: the step is not recorded, or the run keeps no weights.
        DamagedRunError: a chunk is missing or damaged.
    """
    if run.form.keeps == "quantiles":
        raise RunError(run.form.lacks())
    shapes = run.form.weights
    flat = torch.from_numpy(run.tensor("weights")[row_of(run, step)])
    parts = flat.split([prod(shape) for shape in shapes.values()])
    return {name: part.view(*shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def row_of(run: RunReader, step: int | None = None) -> int:
    """The row of the arrays that has an optimiser step; the last one for None.

    Raises:
        RunError: nothing is recorded, or not this step.
    """
    count, every = len(run.tensor("step")), run.form.record_every
    if not count:
        raise RunError(f"run {run.name} has not saved a recorded step yet.")
    if step is None:
        return count - 1
    row, beside = divmod(step - 1, every)
    if run.form.watched:
        return row_in(run, step, row)
    if beside or not 0 <= row < count:
        last = 1 + (count - 1) * every
        every_so = "every step" if every == 1 else f"step 1 and every {every} steps after it"
        raise RunError(f"step was {step}; run {run.name} has recorded {every_so}, up to step {last}.")
    return row


def row_in(run: RunReader, step: int, guess: int) -> int:
    """The row of a step of a watched training, which may have recorded nothing at some steps.

    Raises:
        RunError: nothing is recorded of the step.
    """
    numbers = run.tensor("step")
    if 0 <= guess < len(numbers) and numbers[guess] == step:
        return guess
    steps = numbers[:]
    row = int(np.searchsorted(steps, step))
    if row == len(steps) or steps[row] != step:
        near = int(steps[np.abs(steps - step).argmin()])
        raise RunError(f"step was {step}; run {run.name} has not recorded it, so choose another, such as {near}.")
    return row
