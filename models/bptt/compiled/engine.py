"""The compiled engine: one layer and direction, in one compiled pass each way."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from models.bptt.compiled.adjoint import NEVER
from models.bptt.compiled.pack import Matrices, Vectors, pack, pack_vectors, unpack
from models.bptt.compiled.parallel import over_batch
from models.bptt.compiled.passes import Compiled, compiled
from models.bptt.engine import Backward, Engine
from models.bptt.scaled import Scaled
from models.bptt.truncation import Blocks
from models.bptt.weight_gradient import WeightGradient
from models.cells.cell import Cell, State
from models.cells.packing import Packing
from models.recording.layer_record import LayerStates, with_gradients, without_padding

Four = tuple[Tensor, Tensor, Tensor, Tensor]

torch.empty(31 << 20, dtype=torch.uint8)
"""Freed at once, so that glibc keeps freed memory for the next pass: it gives back what is more than twice its largest
freed block (of up to 32 MiB), and to get it again, page by page, took up to a third of a pass's time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CompiledStates(LayerStates):
    """States beside the memory that they are views of, for the backward pass."""

    packing: Packing
    W: Matrices
    WT: Matrices
    """The same matrices, [product, hidden + 1 + input, hidden]."""
    vectors: Vectors
    """Parameters that multiply unit by unit, [row, hidden]."""
    x: Tensor
    """The inputs, contiguous."""
    hidden_memory: Tensor
    """[time + 2, batch, unit]: the start state stands before the first timestep that is read."""
    cell_memory: Tensor
    gate_memory: Four

    @property
    def work(self) -> int:
        """Multiplications of a pass."""
        return self.seq_len * self.batch_size * self.W.size


class CompiledEngine(Engine):
    """The passes of `recurrence`, for the cells that have them, on the CPU in float32 and float64."""

    name: ClassVar[str] = "fast"

    def forward(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool = False, lengths: Tensor | None = None
    ) -> CompiledStates:
        """See `Engine.forward`."""
        result = self.begin(cell, inputs, start, reverse, lengths)
        run_forward(passes_of(result), result)
        return without_padding(result)

    def begin(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool = False, lengths: Tensor | None = None
    ) -> CompiledStates:
        """See `Engine.begin`; memory that all steps at once can fill, too."""
        T, B, _ = inputs.shape
        H, packing, x = cell.hidden_size, cell.packing(), inputs.contiguous()
        W = pack(cell, packing)
        memory = [x.new_empty(T + 2, B, H) if k < packing.num_states else x.new_empty(0, 0, 0) for k in range(2)]
        for states, s_0 in zip(memory, start, strict=False):
            states[-1 if reverse else 0] = s_0
            states[0 if reverse else -1] = 0
        gates = [x.new_empty(T, B, H) if k < packing.num_gates else x.new_empty(0, 0, 0) for k in range(4)]
        before, now = (slice(2, None), slice(1, -1)) if reverse else (slice(None, -2), slice(1, -1))
        return CompiledStates(
            cell=cell,
            inputs=inputs,
            x=x,
            before=tuple(states[before] for states in memory[: packing.num_states]),
            after=tuple(states[now] for states in memory[: packing.num_states]),
            gates=dict(zip(cell.gate_names, gates, strict=False)),
            reverse=reverse,
            lengths=lengths,
            packing=packing,
            W=W,
            WT=np.ascontiguousarray(W.transpose(0, 2, 1)),
            vectors=pack_vectors(cell, packing),
            hidden_memory=memory[0],
            cell_memory=memory[1],
            gate_memory=(gates[0], gates[1], gates[2], gates[3]),
        )

    def step(self, states: LayerStates, t: int) -> None:
        """See `Engine.step`."""
        one = self.at(states, t)
        run_forward(passes_of(one), one)

    def at(self, states: LayerStates, t: int) -> CompiledStates:
        """See `Engine.at`: views of the same memory."""
        assert isinstance(states, CompiledStates), "the states are this engine's"
        now, around = slice(t, t + 1), slice(t, t + 3)
        i, f, g, o = (gate[now] for gate in states.gate_memory)
        return CompiledStates(
            cell=states.cell,
            inputs=states.inputs[now],
            before=tuple(s[now] for s in states.before),
            after=tuple(s[now] for s in states.after),
            gates={name: gate[now] for name, gate in states.gates.items()},
            packing=states.packing,
            W=states.W,
            WT=states.WT,
            vectors=states.vectors,
            x=states.x[now],
            hidden_memory=states.hidden_memory[around],
            cell_memory=states.cell_memory[around],
            gate_memory=(i, f, g, o),
        )

    def backward(self, states: LayerStates, direct: Scaled, blocks: Blocks | None, through_inputs: bool) -> Backward:
        """See `Engine.backward`."""
        assert isinstance(states, CompiledStates), "backward takes what this engine's forward gave"
        x, (T, B, _), H = states.x, states.inputs.shape, states.cell.hidden_size
        has_cell = states.packing.num_states == 2
        grad_hidden, grad_cell = x.new_empty(T, B, H), x.new_empty((T, B, H) if has_cell else (0, 0, 0))
        of_h, of_c, of_x = torch.empty(3, T, B, dtype=torch.int64)
        norms, direct_norms = torch.empty(2, T, B, dtype=torch.float64)
        grad_x = torch.empty_like(x) if through_inputs else x.new_empty(0, 0, 0)
        start, start_cell = x.new_empty(B, H), x.new_empty(B, H if has_cell else 0)
        of_start = torch.empty(2, B, dtype=torch.int64)
        given = [part.to(x.dtype).contiguous() for part in direct.parts]
        direct_cell = given[1] if len(given) > 1 else x.new_empty(0, 0, 0)
        sent = (given[0], direct_cell, direct.exponent)
        results = (grad_hidden, grad_cell, of_h, of_c, norms, direct_norms, grad_x, of_x, start, start_cell, of_start)
        dW = run_backward(passes_of(states), states, blocks, sent, results)

        count = states.packing.num_states
        if count > len(given):
            given.append(x.new_zeros(()).expand(T, B, H))
        return Backward(
            record=with_gradients(
                states,
                direct=scaled_parts(given, [direct.exponent] * 2, count),
                total=scaled_parts([grad_hidden, grad_cell], [of_h, of_c], count),
                log_norm=norms,
                direct_log_norm=direct_norms,
                grad_start=scaled_parts([start, start_cell], list(of_start), count),
            ),
            parameter_grads=parameter_gradients(dW, states),
            grad_inputs=Scaled((grad_x,), of_x) if through_inputs else None,
        )


def scaled_parts(parts: list[Tensor], exponents: list[Tensor], count: int) -> tuple[Scaled, ...]:
    """The first `count` gradients, each with its exponent."""
    return tuple(Scaled((part,), exponent) for part, exponent in list(zip(parts, exponents, strict=False))[:count])


def passes_of(states: CompiledStates) -> Compiled:
    """The compiled passes of the cell and the dtype."""
    module = states.cell.compiled_step
    assert module is not None, "the fast path is chosen only for a cell with a compiled step"
    return compiled(module, states.x.dtype)


def run_forward(passes: Compiled, states: CompiledStates) -> None:
    """Fill the states and gates."""
    option, arrays = states.packing.option, arrays_of(states)

    def part(first: int, last: int) -> None:
        passes.forward(option, states.reverse, first, last, arrays)

    over_batch(part, states.batch_size, states.work)


def run_backward(
    passes: Compiled,
    states: CompiledStates,
    blocks: Blocks | None,
    direct: tuple[Tensor, ...],
    results: tuple[Tensor, ...],
) -> WeightGradient:
    """Fill the gradients; what comes back is the gradient of W and then of the vectors, flat."""
    option, arrays, W, vectors = states.packing.option, arrays_of(states), states.W, states.vectors
    given, filled = tuple(a.numpy() for a in direct), tuple(a.numpy() for a in results)
    steps, begins = (0, 0) if blocks is None else (blocks.steps, blocks.first)

    def part(first: int, last: int) -> WeightGradient:
        grad = np.zeros(W.size + vectors.size, W.dtype)
        of_weights = grad[: W.size].reshape(W.shape), grad[W.size :].reshape(vectors.shape)
        where = (option, states.reverse, first, last, steps, begins)
        exponent = passes.backward(*where, arrays, given, (*filled, *of_weights))
        return WeightGradient(torch.from_numpy(grad), 0 if exponent == NEVER else exponent)

    grad, *others = over_batch(part, states.batch_size, 2 * states.work)
    for other in others:
        grad = grad + other
    return grad


def arrays_of(states: CompiledStates) -> tuple[Any, ...]:
    """What both passes read, in the order of `recurrence.Layer`; no lengths where all sequences are the same."""
    lengths = np.zeros(0, np.int64) if states.lengths is None else states.lengths.numpy()
    memory = states.hidden_memory.numpy(), states.cell_memory.numpy(), tuple(g.numpy() for g in states.gate_memory)
    return lengths, states.x.numpy(), states.W, states.WT, states.vectors, *memory


def parameter_gradients(gradient: WeightGradient, states: CompiledStates) -> dict[str, WeightGradient]:
    """The cell's parameter → its gradient."""
    W, flat = states.W, gradient.value.numpy()
    dW, dv = flat[: W.size].reshape(W.shape), flat[W.size :].reshape(states.vectors.shape)
    grads = unpack(dW, dv, states.cell, states.packing)
    return {name: WeightGradient(grad, gradient.exponent) for name, grad in grads.items()}
