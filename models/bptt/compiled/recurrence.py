"""The two passes over time, for every cell: one layer, one direction, and the samples from `first` up to `last`.

With W = [W_hh, b, W_ih] a step is a = W [h', 1, x], its transpose d[h', 1, x] = Wᵀ da, and the weights' gradient the
sum of da [h', 1, x]ᵀ. So every step has one product per gate in each of the three, all small and in the cache, and
nothing of the size of the sequence is kept but what the Trace holds. What a step does besides is the cell's own
(`models.bptt.compiled.step`).

`hidden` and `cell_state` have one timestep more before the first and after the last: t is at t + 1, and the start state
stands before the first timestep that is read. `lengths` has one number per sequence, or none where all have the same.

W is [product, hidden, hidden + 1 + input]. WT is its transpose, with columns at the end that nobody reads
(`pack.transposed`). All else is [time, batch, unit] or [time, batch]. `gates` are four, the cell's own and what else
its backward step needs, or empty ones.
"""

import numpy as np

from models.bptt.compiled.adjoint import NEVER, add_direct, add_direct_cell
from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.padding import bring_back, keep_state, set_aside
from models.bptt.compiled.product import in_lines, multiply, write_columns
from models.bptt.compiled.saturated import apart, send_back
from models.bptt.compiled.step import (
    backward_step,
    count_others,
    forward_step,
    is_saturated,
    reads,
    saturated_step,
    vector_factor,
)
from models.bptt.compiled.weights import add_weight_gradients, columns_read

Layer = tuple[Exponents, Array, Array, Array, Array, Array, Array, Gates]
"""lengths, x, W, WT, vectors, hidden, cell_state, gates."""
Direct = tuple[Array, Array, Exponents]
"""The direct gradients of h and c, the latter empty where the loss does not see c, and their exponents."""
Results = tuple[
    Array, Array, Exponents, Exponents, Array, Array, Array, Exponents, Array, Array, Exponents, Array, Array, Exponents
]
"""dL/dh, dL/dc, the exponents of both, ln‖dL/dh‖, that of the direct gradient, dL/dx (empty if not needed), its
exponents, dL/dh_0, dL/dc_0, the exponents of both, the gradients of Wᵀ and of `vectors`, and their blocks' exponents
(`models.bptt.compiled.weights`)."""
Memory = tuple[Array, Array, Array, Array, Array, Array, Exponents, Exponents, Exponents, Exponents, Exponents]
"""What `run_backward` works in."""


@kernel
def run_forward(option: int, reverse: bool, first: int, last: int, layer: Layer) -> None:
    """Fill hidden, cell_state and gates."""
    WT = layer[3]
    hx = np.ones((last - first, WT.shape[1]), WT.dtype)
    go_forward(option, reverse, first, last, layer, hx)


@kernel
def go_forward(option: int, reverse: bool, first: int, last: int, layer: Layer, hx: Array) -> None:
    """The steps of `run_forward`, in memory for [h', 1, x]."""
    lengths, x, _, WT, vectors, hidden, cell_state, gates = borrowed(layer)
    hx = borrowed(hx)
    T, H = len(x), hidden.shape[2]
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, now = (t + 2, t + 1) if reverse else (t, t + 1)
        h_before, h = hidden[before, first:last], hidden[now, first:last]
        c_before, c = cell_state[before, first:last], cell_state[now, first:last]
        write_columns(h_before, hx, 0)
        write_columns(x[t, first:last], hx, H + 1)
        values = gates[0][t, first:last], gates[1][t, first:last], gates[2][t, first:last], gates[3][t, first:last]
        forward_step(option, WT, vectors, hx, (h_before, h, c_before, c), values)
        if lengths.size > 0:
            keep_state(lengths[first:last], t, h_before, h)
            keep_state(lengths[first:last], t, c_before, c)


@kernel
def run_backward(
    option: int,
    reverse: bool,
    first: int,
    last: int,
    truncate: int,
    begins: int,
    layer: Layer,
    direct: Direct,
    results: Results,
) -> None:
    """Fill the gradients.

    `truncate` is the steps of a block, 0 for full BPTT, and a block begins at the position `begins`.
    """
    x, W, cell_state, count = layer[1], layer[2], layer[6], len(layer[4])
    T, _, I = x.shape
    P, H, _ = W.shape
    B = last - first
    has_cell = cell_state.size > 0
    steps = min(T, max(1, 128 // B))  # sum da [h', 1, x]ᵀ over some steps at once: a product that is not too thin
    da = in_lines(P * steps * B * H, x).reshape((P, steps * B, H))
    da_now = np.empty((P, B, H), x.dtype)  # a saturated step's da: with no gaps between the gates its loops are faster
    hx = np.ones((steps * B, H + 1 + I), x.dtype)
    others = np.empty((count_others(option), steps * B, H), x.dtype)
    carried = np.zeros((B, H), x.dtype)
    carried_cell = np.zeros((B, H if has_cell else 0), x.dtype)
    exponent = np.zeros(B, np.int64)
    exponent_cell = np.zeros(B, np.int64) if has_cell else exponent
    row_exponent = np.zeros((P, steps * B), np.int64)
    columns = np.empty((P, 3), np.int64)
    for p in range(P):
        columns[p] = columns_read(reads(option, p), H, H + 1 + I)
    factors = np.empty((count, 2), np.int64)
    for row in range(count):
        factors[row] = vector_factor(option, row)
    memory = (da, da_now, hx, others, carried, carried_cell, exponent, exponent_cell, row_exponent, columns, factors)
    go_backward(option, reverse, first, last, truncate, begins, layer, direct, results, memory)


@kernel
def go_backward(
    option: int,
    reverse: bool,
    first: int,
    last: int,
    truncate: int,
    begins: int,
    layer: Layer,
    sent: Direct,
    results: Results,
    memory: Memory,
) -> None:
    """The steps of `run_backward`, in its working memory."""
    lengths, x, W, WT, vectors, hidden, cell_state, gates = borrowed(layer)
    direct, direct_cell, direct_exponent = borrowed(sent)
    (
        grad_hidden, grad_cell, exponents, cell_exponents, log_norm, direct_log_norm, grad_x, x_exponents,
        grad_start, grad_start_cell, start_exponents, dWT, dv, common,
    ) = borrowed(results)  # fmt: skip
    (
        da, da_now, hx, others, carried, carried_cell, exponent, exponent_cell, row_exponent, columns, factors,
    ) = borrowed(memory)  # fmt: skip
    T, B, H, P = len(x), last - first, W.shape[1], len(W)
    has_cell, count = cell_state.size > 0, len(hx)
    common[:] = NEVER
    for s in range(T - 1, -1, -1):
        t = T - 1 - s if reverse else s
        before, now = (t + 2, t + 1) if reverse else (t, t + 1)
        top = (T - 1 - s) * B % count
        rows = slice(top, top + B)
        h_before, h, dh = hidden[before, first:last], hidden[now, first:last], grad_hidden[t, first:last]
        write_columns(h_before, hx[rows], 0)
        write_columns(x[t, first:last], hx[rows], H + 1)

        if direct_cell.size > 0:
            theirs = direct_exponent[t, first:last]
            add_direct_cell(direct_cell[t, first:last], theirs, carried, carried_cell, exponent, exponent_cell)
        add_direct(
            direct[t, first:last],
            direct_exponent[t, first:last],
            carried,
            carried_cell,
            exponent,
            exponent_cell,
            dh,
            exponents[t, first:last],
            log_norm[t, first:last],
            direct_log_norm[t, first:last],
        )
        if lengths.size > 0:
            waiting = set_aside(lengths[first:last], t, dh, carried_cell, exponent, exponent_cell)
        row_exponent[:, rows] = exponent
        cell_exponents[t, first:last] = exponent
        x_exponents[t, first:last] = exponent

        states = h_before, h, cell_state[before, first:last], cell_state[now, first:last]
        values = gates[0][t, first:last], gates[1][t, first:last], gates[2][t, first:last], gates[3][t, first:last]
        grads, back = (dh, grad_cell[t, first:last]), (carried, carried_cell)
        if is_saturated(option, states, values, grads, back) or (has_cell and apart(exponent, exponent_cell)):
            saturated_step(
                option,
                (W, WT),
                vectors,
                states,
                values,
                grads,
                (cell_exponents[t, first:last], exponent, exponent_cell),
                back,
                da_now,
                row_exponent[:, rows],
                hx[rows],
                others[:, rows],
            )
            for p in range(P):
                write_columns(da_now[p], da[p, rows], 0)
            if grad_x.size > 0:
                dx, of_x = grad_x[t, first:last], x_exponents[t, first:last]
                dx[:] = 0
                for p in range(P):
                    if columns[p, 1] > H + 1:
                        send_back(da_now[p], row_exponent[p, rows], W[p, :, H + 1 :], dx, of_x)
        else:
            backward_step(option, W, vectors, states, values, grads, back, da, others, top)
            if grad_x.size > 0:
                add = False
                for p in range(P):
                    if columns[p, 1] > H + 1:
                        multiply(da[p, rows], W[p, :, H + 1 :], grad_x[t, first:last], add)
                        add = True

        if lengths.size > 0:
            bring_back(lengths[first:last], t, waiting, carried, carried_cell, exponent, exponent_cell)
        if truncate > 0 and s > 0 and ((t + 1 if reverse else t) - begins) % truncate == 0:
            carried[:] = 0
            carried_cell[:] = 0
            exponent[:] = 0
            exponent_cell[:] = 0
        if top + B == count or s == 0:
            add_weight_gradients(columns, factors, da, row_exponent, hx, others, top + B, dWT, dv, common)
    grad_start[first:last] = carried
    if has_cell:
        grad_start_cell[first:last] = carried_cell
    start_exponents[0, first:last] = exponent
    start_exponents[1, first:last] = exponent_cell
