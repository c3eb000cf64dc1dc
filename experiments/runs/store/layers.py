"""A recorded step as the layer records that `models.record` made of it, for the sequences that were kept."""

from math import prod

import torch
from torch import Tensor

from experiments.runs.store.errors import DamagedRunError, ForeignRunError, RunError
from experiments.runs.store.reader import RunReader
from models.bptt.scaled import Scaled
from models.cells.cell import Cell
from models.recording.layer_record import LayerRecord
from models.recording.trace import Stack


def layer_records(run: RunReader, step: int | None = None) -> Stack:
    """The layers and directions of a recorded step, of the kept sequences: bit by bit what `models.record` gave.

    Args:
        run: an open run.
        step: the optimiser step, from 1; None for the last that is recorded.

    Raises:
        RunError: the step is not recorded, or the run does not keep all that a layer record needs.
        DamagedRunError: a chunk is missing or damaged.
    """
    if run.form.keeps != "layers":
        raise RunError(run.form.lacks())
    row, stack, cells = row_of(run, step), run.form.stack, cells_at(run, step)
    length = length_at(run, row)
    inputs = torch.from_numpy(run.tensor("inputs")[row, :length])
    names = ("hidden", "cell_state")[: len(stack.cell_type.state_names)]
    after = [torch.from_numpy(run.tensor(name)[row, :, :length]) for name in names]
    gates = torch.from_numpy(run.tensor("gates")[row, :, :, :length]) if stack.cell_type.gate_names else None
    gradient = [torch.from_numpy(run.tensor(name)[row, :, :, :length]) for name in GRADIENTS]
    start = torch.from_numpy(run.tensor("start_states")[row])
    at_start = [torch.from_numpy(run.tensor(name)[row]) for name in START_GRADIENTS]

    layers: list[LayerRecord] = []
    for k, cell in enumerate(cells):
        first = k - k % stack.num_directions  # of this layer's directions
        below = after[0][first - stack.num_directions : first]
        reverse = k % stack.num_directions == 1
        values, exponents, log_norms = (part[:, k] for part in gradient)
        s = tuple(part[k] for part in after)
        layers.append(
            LayerRecord(
                cell=cell,
                inputs=torch.cat([*below], dim=-1) if first else inputs,
                before=tuple(shifted(part, s_0, reverse) for part, s_0 in zip(s, start[:, k], strict=True)),
                after=s,
                gates={} if gates is None else dict(zip(cell.gate_names, gates[:, k], strict=True)),
                reverse=reverse,
                direct=parts(values, exponents)[: len(names)],
                total=parts(values, exponents)[len(names) :],
                log_norm=log_norms[len(names)],
                direct_log_norm=log_norms[0],
                grad_start=parts(at_start[0][:, k], at_start[1][:, k]),
                truncate=run.form.truncate,
                truncate_kind=run.form.truncate_kind,
            )
        )
    return Stack(tuple(layers), stack.num_directions)


def length_at(run: RunReader, row: int) -> int:
    """Timesteps of a recorded step's sequences.

    Raises:
        DamagedRunError: what is stored is no length that the run can have.
    """
    length = int(run.tensor("length")[row])
    if not 1 <= length <= run.form.timesteps:
        raise DamagedRunError(
            f"'length' in {str(run.folder)!r} says that a recorded step has {length} timesteps; it must have 1 to "
            f"{run.form.timesteps}."
        )
    return length


GRADIENTS = ("gradients", "gradient_exponents", "gradient_log_norms")
START_GRADIENTS = ("start_gradients", "start_gradient_exponents")


def shifted(after: Tensor, start: Tensor, reverse: bool) -> Tensor:
    """s_{t-1} of every t, in the order in which the direction reads: [time, sample, unit]."""
    return torch.cat([after[1:], start[None]]) if reverse else torch.cat([start[None], after[:-1]])


def parts(values: Tensor, exponents: Tensor) -> tuple[Scaled, ...]:
    """The gradients along the first axis, each with its exponents."""
    return tuple(Scaled((v,), e) for v, e in zip(values, exponents, strict=True))


def cells_at(run: RunReader, step: int | None = None) -> list[Cell]:
    """Each layer's and direction's cell with its weights as the step found them. Raises as `weights_at`."""
    weights, stack = weights_at(run, step), run.form.stack
    module = next(iter(run.form.stacks))
    by_layer = [{name: weights[f"{module}.{name}_{suffix}"] for name in stack.shapes(0)} for suffix in stack.suffixes]
    try:
        return [stack.cell_type(**of_layer, **stack.options) for of_layer in by_layer]  # type: ignore[arg-type]
    except ValueError:
        options = f"form.stacks.{module}.options"
        raise ForeignRunError(f"run {run.name} says of its cell what no cell can be: {options} is wrong.") from None


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
        raise RunError(f"run {run.name} has not committed a recorded step yet.")
    if step is None:
        return count - 1
    row, beside = divmod(step - 1, every)
    if beside or not 0 <= row < count:
        last = 1 + (count - 1) * every
        every_so = "every step" if every == 1 else f"step 1 and every {every} steps after it"
        raise RunError(f"step was {step}; run {run.name} has recorded {every_so}, up to step {last}.")
    return row
