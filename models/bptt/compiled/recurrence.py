"""The two passes over time, for every cell: one layer, one direction, and the samples from `first` up to `last`.

With W = [W_hh, b, W_ih] a step is a = W [h', 1, x], its transpose d[h', 1, x] = Wᵀ da, and the weights' gradient the
sum of da [h', 1, x]ᵀ. So every step has one product a gate in each of the three, all small and in the cache, and
nothing of the size of the sequence is kept but what the Trace holds.

`hidden` and `cell_state` have one timestep more before the first and after the last: t is at t + 1, and the start state
stands before the first timestep that is read. `lengths` has one number per sequence, or none where all have the same.
"""

import numpy as np

from models.bptt.compiled.adjoint import NEVER, add_direct, add_direct_cell
from models.bptt.compiled.cells import (
    ELMAN,
    GRU,
    GRU_RESET_BEFORE,
    LSTM,
    TANH,
    elman_backward,
    elman_forward,
    gru_backward,
    gru_forward,
    gru_reset,
    gru_reset_backward,
    gru_reset_before_backward,
    lstm_backward,
    lstm_forward,
)  # fmt: skip
from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.padding import bring_back, keep_state, set_aside
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import apart, elman_saturated, gru_saturated, lstm_saturated
from models.bptt.compiled.saturated_step import saturated_step
from models.bptt.compiled.weights import add_weight_gradients, write_columns


@kernel
def run_forward(
    cell: int,
    nonlinearity: int,
    reverse: bool,
    first: int,
    last: int,
    lengths: Exponents,
    x: Array,
    WT: Array,
    hidden: Array,
    cell_state: Array,
    gates: Gates,
) -> None:
    """Fill hidden, cell_state and gates [time, batch, unit]; WT is [gate, hidden + 1 + input, hidden].

    `gates` are four: i f g o; r z n and, for the reset after the product, v = W_hn h' + b_hn; or empty ones.
    """
    T, _, I = x.shape
    H = WT.shape[2]
    B = last - first
    hx = np.ones((B, H + 1 + I), x.dtype)
    zero_one = np.array([0, 1]).astype(x.dtype)
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, now = (t + 2, t + 1) if reverse else (t, t + 1)
        h_before, h = hidden[before, first:last], hidden[now, first:last]
        write_columns(h_before, hx, 0)
        write_columns(x[t, first:last], hx, H + 1)
        if cell == ELMAN:
            multiply(hx, WT[0], h, zero_one, False)
            elman_forward(h.ravel(), nonlinearity)
        elif cell == LSTM:
            i, f = gates[0][t, first:last], gates[1][t, first:last]
            g, o = gates[2][t, first:last], gates[3][t, first:last]
            multiply(hx, WT[0], i, zero_one, False)
            multiply(hx, WT[1], f, zero_one, False)
            multiply(hx, WT[2], g, zero_one, False)
            multiply(hx, WT[3], o, zero_one, False)
            c_before, c = cell_state[before, first:last], cell_state[now, first:last]
            lstm_forward(i.ravel(), f.ravel(), g.ravel(), o.ravel(), c_before.ravel(), c.ravel(), h.ravel())
        else:
            r, z, n = gates[0][t, first:last], gates[1][t, first:last], gates[2][t, first:last]
            multiply(hx, WT[0], r, zero_one, False)
            multiply(hx, WT[1], z, zero_one, False)
            apply_sigmoid(r.ravel())
            apply_sigmoid(z.ravel())
            if cell == GRU:
                v = gates[3][t, first:last]
                multiply(hx[:, : H + 1], WT[3, : H + 1], v, zero_one, False)
                multiply(hx[:, H:], WT[2, H:], n, zero_one, False)
                gru_reset(r.ravel(), v.ravel(), n.ravel())
            else:
                hx[:, :H] = r * h_before
                multiply(hx, WT[2], n, zero_one, False)
                apply_tanh(n.ravel())
            gru_forward(z.ravel(), n.ravel(), h_before.ravel(), h.ravel())
        if lengths.size > 0:
            keep_state(lengths[first:last], t, hidden[before, first:last], h)
            if cell == LSTM:
                keep_state(lengths[first:last], t, cell_state[before, first:last], cell_state[now, first:last])


@kernel
def run_backward(
    cell: int,
    nonlinearity: int,
    reverse: bool,
    first: int,
    last: int,
    truncate: int,
    lengths: Exponents,
    x: Array,
    W: Array,
    WT: Array,
    hidden: Array,
    cell_state: Array,
    gates: Gates,
    direct: Array,
    direct_cell: Array,
    direct_exponent: Exponents,
    grad_hidden: Array,
    grad_cell: Array,
    exponents: Exponents,
    cell_exponents: Exponents,
    log_norm: Array,
    direct_log_norm: Array,
    grad_x: Array,
    x_exponents: Exponents,
    grad_start: Array,
    grad_start_cell: Array,
    start_exponents: Exponents,
    dW: Array,
) -> int:
    """Fill the gradients; dW is left relative to the power of two whose exponent is returned.

    W and dW are [gate, hidden, hidden + 1 + input], WT is as in `run_forward`; `truncate` is 0 for none, `grad_x` empty
    where it is not needed, `direct_cell` where the loss does not see c.
    """
    T, _, I = x.shape
    P, H, _ = W.shape
    B = last - first
    steps = min(T, max(1, 128 // B))  # sum da [h', 1, x]ᵀ over some steps at once: a product that is not too thin
    da = np.empty((P, steps * B, H), x.dtype)
    hx = np.ones((steps * B, H + 1 + I), x.dtype)
    rh = np.empty((steps * B if cell == GRU_RESET_BEFORE else 0, H), x.dtype)
    carried = np.zeros((B, H), x.dtype)
    carried_cell = np.zeros((B, H if cell == LSTM else 0), x.dtype)
    exponent = np.zeros(B, np.int64)
    exponent_cell = np.zeros(B, np.int64) if cell == LSTM else exponent
    row_exponent = np.zeros((P, steps * B), np.int64)
    common = NEVER
    zero_one = np.array([0, 1]).astype(x.dtype)

    for s in range(T - 1, -1, -1):
        t = T - 1 - s if reverse else s
        before, now = (t + 2, t + 1) if reverse else (t, t + 1)
        top = (T - 1 - s) % steps * B
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
        if cell == ELMAN:
            saturated = nonlinearity == TANH and elman_saturated(h.ravel())
        elif cell == LSTM:
            i, f = gates[0][t, first:last].ravel(), gates[1][t, first:last].ravel()
            g, o = gates[2][t, first:last].ravel(), gates[3][t, first:last].ravel()
            c_before, c = cell_state[before, first:last].ravel(), cell_state[now, first:last].ravel()
            saturated = lstm_saturated(i, f, g, o, c) or apart(exponent, exponent_cell)
        else:
            r, z = gates[0][t, first:last].ravel(), gates[1][t, first:last].ravel()
            n = gates[2][t, first:last].ravel()
            saturated = gru_saturated(r, z, n)

        if saturated:
            states = h_before, h, cell_state[before, first:last], cell_state[now, first:last]
            slopes = gates[0][t, first:last], gates[1][t, first:last], gates[2][t, first:last], gates[3][t, first:last]
            saturated_step(
                cell,
                (W, WT, zero_one),
                states,
                slopes,
                (dh, grad_cell[t, first:last], grad_x[t, first:last]),
                (cell_exponents[t, first:last], x_exponents[t, first:last], exponent, exponent_cell),
                (carried, carried_cell),
                da[:, rows],
                row_exponent[:, rows],
                hx[rows],
                rh[rows],
            )
        elif cell == ELMAN:
            elman_backward(dh.ravel(), h.ravel(), nonlinearity, da[0, rows].ravel())
            multiply(da[0, rows], W[0, :, :H], carried, zero_one, False)
        elif cell == LSTM:
            dc = grad_cell[t, first:last].ravel()
            da_i, da_f, da_g, da_o = da[0, rows].ravel(), da[1, rows].ravel(), da[2, rows].ravel(), da[3, rows].ravel()
            lstm_backward(dh.ravel(), carried_cell.ravel(), i, f, g, o, c_before, c, dc, da_i, da_f, da_g, da_o)
            for p in range(4):
                multiply(da[p, rows], W[p, :, :H], carried, zero_one, p > 0)
        else:
            da_r, da_z, da_n = da[0, rows].ravel(), da[1, rows].ravel(), da[2, rows].ravel()
            gru_backward(dh.ravel(), z, n, h_before.ravel(), da_z, da_n, carried.ravel())
            if cell == GRU:
                v = gates[3][t, first:last].ravel()
                gru_reset_backward(da_n, r, v, da_r, da[3, rows].ravel())
                multiply(da[3, rows], W[3, :, :H], carried, zero_one, True)
            else:
                d_rh = rh[rows]  # first ∂L/∂(r h'), then r h' itself for the weights' gradient
                multiply(da[2, rows], W[2, :, :H], d_rh, zero_one, False)
                gru_reset_before_backward(d_rh.ravel(), r, h_before.ravel(), da_r, carried.ravel())
            multiply(da[0, rows], W[0, :, :H], carried, zero_one, True)
            multiply(da[1, rows], W[1, :, :H], carried, zero_one, True)

        if grad_x.size > 0 and not saturated:
            for p in range(min(P, 3) if cell == GRU else P):
                multiply(da[p, rows], W[p, :, H + 1 :], grad_x[t, first:last], zero_one, p > 0)
        if lengths.size > 0:
            bring_back(lengths[first:last], t, waiting, carried, carried_cell, exponent, exponent_cell)
        if truncate > 0 and s > 0 and (t + 1 if reverse else t) % truncate == 0:
            carried[:] = 0
            carried_cell[:] = 0
            exponent[:] = 0
            exponent_cell[:] = 0
        if top + B == steps * B or s == 0:
            m = top + B
            common = add_weight_gradients(cell, da[:, :m], row_exponent[:, :m], hx[:m], rh[:m], dW, common, zero_one)
    grad_start[first:last] = carried
    if cell == LSTM:
        grad_start_cell[first:last] = carried_cell
    start_exponents[0, first:last] = exponent
    start_exponents[1, first:last] = exponent_cell
    return common
