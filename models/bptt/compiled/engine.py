"""The compiled engine: one layer and direction, in one compiled pass each way."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from models.bptt.compiled.adjoint import NEVER
from models.bptt.compiled.jit import Array, Exponents
from models.bptt.compiled.pack import pack, pack_vectors, transposed, unpack
from models.bptt.compiled.parallel import over_batch
from models.bptt.compiled.passes import Compiled, compiled
from models.bptt.compiled.recurrence import Direct, Layer
from models.bptt.compiled.weights import VECTORS
from models.bptt.engine import Backward, Engine
from models.bptt.scaled import Scaled
from models.bptt.truncation import Blocks
from models.bptt.weight_gradient import WeightGradient
from models.cells.cell import Cell, State
from models.cells.packing import Packing
from models.recording.layer_record import LayerStates, with_gradients, without_padding

torch.empty(31 << 20, dtype=torch.uint8)
"""Freed at once, so that glibc keeps freed memory for the next pass: it gives back what is more than twice its largest
freed block (of up to 32 MiB), and to get it again, page by page, took up to a third of a pass's time."""


NO_LENGTHS = np.empty(0, np.int64)
"""Where all sequences have the same."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CompiledStates(LayerStates):
    """States beside the memory that they are views of, for the backward pass."""

    passes: Compiled
    packing: Packing
    layer: Layer
    """The arrays that both passes read."""

    @property
    def work(self) -> int:
        """Multiplications of a pass."""
        W = self.layer[2]
        return self.seq_len * self.batch_size * W.size


class CompiledEngine(Engine):
    """The passes of `recurrence`, for the cells that have them, on the CPU in float32 and float64."""

    name: ClassVar[str] = "fast"

    def forward(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool = False, lengths: Tensor | None = None
    ) -> CompiledStates:
        """See `Engine.forward`."""
        result = self.begin(cell, inputs, start, reverse, lengths)
        run_forward(result)
        return without_padding(result)

    def begin(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool = False, lengths: Tensor | None = None
    ) -> CompiledStates:
        """See `Engine.begin`; memory that all steps at once can fill, too."""
        T, B, _ = inputs.shape
        H, packing, new = cell.hidden_size, cell.packing(), inputs.new_empty
        memory = [new(T + 2, B, H).numpy() for _ in range(packing.num_states)]
        for array, s_0 in zip(memory, start, strict=True):
            array[-1 if reverse else 0] = s_0.numpy()
        gates = [new(T, B, H) for _ in range(packing.num_gates)]
        before, now = (slice(2, None), slice(1, -1)) if reverse else (slice(None, -2), slice(1, -1))
        W = pack(cell, packing)
        none = np.empty((0, 0, 0), W.dtype)
        hidden, cell_state = (*memory, none)[:2]
        i, f, g, o = arrays_of(gates, 4, none)
        return CompiledStates(
            cell=cell,
            inputs=inputs,
            before=tuple(torch.from_numpy(array[before]) for array in memory),
            after=tuple(torch.from_numpy(array[now]) for array in memory),
            gates=dict(zip(cell.gate_names, gates, strict=False)),
            reverse=reverse,
            lengths=lengths,
            passes=passes_of(cell, inputs.dtype),
            packing=packing,
            layer=(
                NO_LENGTHS if lengths is None else lengths.numpy(),
                inputs.contiguous().numpy(),
                W,
                transposed(W),
                pack_vectors(cell, packing),
                hidden,
                cell_state,
                (i, f, g, o),
            ),
        )

    def step(self, states: LayerStates, t: int) -> None:
        """See `Engine.step`."""
        run_forward(self.at(states, t))

    def at(self, states: LayerStates, t: int) -> CompiledStates:
        """See `Engine.at`: views of the same memory."""
        assert isinstance(states, CompiledStates), "the states are this engine's"
        now, around = slice(t, t + 1), slice(t, t + 3)
        _, x, W, WT, vectors, hidden, cell_state, (i, f, g, o) = states.layer
        gates = i[now], f[now], g[now], o[now]
        return CompiledStates(
            cell=states.cell,
            inputs=states.inputs[now],
            before=tuple(s[now] for s in states.before),
            after=tuple(s[now] for s in states.after),
            gates={name: gate[now] for name, gate in states.gates.items()},
            passes=states.passes,
            packing=states.packing,
            layer=(NO_LENGTHS, x[now], W, WT, vectors, hidden[around], cell_state[around], gates),
        )

    def backward(self, states: LayerStates, direct: Scaled, blocks: Blocks | None, through_inputs: bool) -> Backward:
        """See `Engine.backward`."""
        assert isinstance(states, CompiledStates), "backward takes what this engine's forward gave"
        (T, B, _), H, count = states.inputs.shape, states.cell.hidden_size, states.packing.num_states
        new, dtype = states.inputs.new_empty, states.inputs.dtype
        given = [part.to(dtype).contiguous() for part in direct.parts]
        total, start = [new(T, B, H) for _ in range(count)], [new(B, H) for _ in range(count)]
        of_inputs = [new(states.inputs.shape)] if through_inputs else []
        none = np.empty((0, 0, 0), states.layer[2].dtype)
        exponents, norms, of_start = np.empty((3, T, B), np.int64), np.empty((2, T, B)), np.empty((2, B), np.int64)
        of_h, of_c, of_x = exponents
        given_h, given_c = arrays_of(given, 2, none)
        sent = given_h, given_c, direct.exponent.contiguous().numpy()
        if count > len(given):
            given.append(states.inputs.new_zeros(()).expand(T, B, H))
        results = (
            *arrays_of(total, 2, none), of_h, of_c, *norms, *arrays_of(of_inputs, 1, none), of_x,
            *arrays_of(start, 2, none.reshape(0, 0)), of_start,
        )  # fmt: skip
        parameter_grads = run_backward(states, blocks, sent, results)

        log_norm, direct_log_norm = map(torch.from_numpy, norms)
        return Backward(
            record=with_gradients(
                states,
                direct=tuple(Scaled((part,), direct.exponent) for part in given),
                total=scaled_parts(total, exponents),
                log_norm=log_norm,
                direct_log_norm=direct_log_norm,
                grad_start=scaled_parts(start, of_start),
            ),
            parameter_grads=parameter_grads,
            grad_inputs=Scaled((of_inputs[0],), torch.from_numpy(of_x)) if through_inputs else None,
        )


def arrays_of(tensors: list[Tensor], count: int, none: Array) -> list[Array]:
    """Their memory as so many arrays; `none` where there is no tensor."""
    return [*(tensor.numpy() for tensor in tensors), *[none] * (count - len(tensors))]


def scaled_parts(parts: list[Tensor], exponents: Exponents) -> tuple[Scaled, ...]:
    """The gradients, each with its exponent."""
    return tuple(Scaled((part,), torch.from_numpy(of)) for part, of in zip(parts, exponents, strict=False))


def passes_of(cell: Cell, dtype: torch.dtype) -> Compiled:
    """The compiled passes of the cell and the dtype."""
    assert cell.compiled_step is not None, "the fast path is chosen only for a cell with a compiled step"
    return compiled(cell.compiled_step, dtype)


def run_forward(states: CompiledStates) -> None:
    """Fill the states and gates."""

    def part(first: int, last: int) -> None:
        states.passes.forward(states.packing.option, states.reverse, first, last, states.layer)

    over_batch(part, states.batch_size, states.work)


def run_backward(
    states: CompiledStates, blocks: Blocks | None, sent: Direct, filled: tuple[Any, ...]
) -> dict[str, WeightGradient]:
    """Fill the gradients; what comes back is each parameter's."""
    option, (_, _, W, _, vectors, *_) = states.packing.option, states.layer
    P, H, columns = W.shape
    steps, begins = (0, 0) if blocks is None else (blocks.steps, blocks.first)

    def part(first: int, last: int) -> dict[str, WeightGradient]:
        dWT, dv = np.zeros((P, columns, H), W.dtype), np.zeros_like(vectors)
        exponents = np.empty(VECTORS + 1, np.int64)
        where = (option, states.reverse, first, last, steps, begins)
        states.passes.backward(*where, states.layer, sent, (*filled, dWT, dv, exponents))
        return parameter_gradients(dWT, dv, exponents, states)

    grads, *others = over_batch(part, states.batch_size, 2 * states.work)
    for other in others:
        grads = {name: grad + other[name] for name, grad in grads.items()}
    return grads


def parameter_gradients(
    dWT: Array, dv: Array, exponents: Exponents, states: CompiledStates
) -> dict[str, WeightGradient]:
    """The cell's parameter → its gradient."""
    state, bias, inputs, of_vectors = (0 if exponent == NEVER else exponent for exponent in exponents.tolist())
    of_name = {"weight_hh": state, "bias_ih": bias, "bias_hh": bias, "weight_ih": inputs}
    of_name |= dict.fromkeys(states.packing.vectors, of_vectors)
    grads = unpack(dWT.transpose(0, 2, 1), dv, states.cell, states.packing)
    return {name: WeightGradient(grad, of_name[name]) for name, grad in grads.items()}
