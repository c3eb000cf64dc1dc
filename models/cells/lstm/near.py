"""Rows of an LSTM's saturated step in their own dtype: `lstm_row` of `models.cells.lstm.saturated`, no peepholes."""

from models.bptt.compiled.jit import Array, Flags, Gates, kernel
from models.bptt.compiled.near import refuse_far, refuse_flat_sigmoid, refuse_flat_tanh
from models.bptt.compiled.slopes import sigmoid_row, tanh_and_slope, tanh_row
from models.cells.lstm.pointwise import WITHOUT_FORGET


@kernel
def lstm_near(
    near: Flags, option: int, dh: Array, carried_c: Array, a: Gates, g: Array, c_before: Array, c: Array, dc: Array,
    da: Gates, kept: Array,
) -> None:  # fmt: skip
    """dL/dc, da of each gate, and in `kept` what goes to c'; near only where the dtype holds all slopes and results."""
    a_i, a_f, a_g, a_o = a
    da_i, da_f, da_g, da_o = da
    refuse_flat_sigmoid(near, a_i)
    refuse_flat_tanh(near, a_g)
    refuse_flat_sigmoid(near, a_o)
    refuse_flat_tanh(near, c)
    if option != WITHOUT_FORGET:
        refuse_flat_sigmoid(near, a_f)
    near_cell(
        dh.ravel(), carried_c.ravel(), a_o.ravel(), c.ravel(), dc.ravel(), da_o.ravel(),
        (da_g.ravel(), kept.ravel(), da_i.ravel(), da_f.ravel()),
    )  # fmt: skip
    near_forget(option, dc.ravel(), a_f.ravel(), c_before.ravel(), da_f.ravel(), kept.ravel())
    near_input(dc.ravel(), a_i.ravel(), a_g.ravel(), g.ravel(), da_i.ravel(), da_g.ravel())
    for p in range(4):
        if p != 1 or option != WITHOUT_FORGET:
            refuse_far(near, da[p])
    refuse_far(near, dc)
    refuse_far(near, kept)


@kernel
def near_cell(dh: Array, carried_c: Array, a_o: Array, c: Array, dc: Array, da_o: Array, memory: Gates) -> None:
    """da_o = dh tanh(c) σ'; dc = carried + dh o tanh'(c)."""
    y, steep, o, slope = memory
    tanh_row(c, y, steep)
    sigmoid_row(a_o, o, slope)
    for j in range(dh.size):
        da_o[j] = dh[j] * y[j] * slope[j]
    for j in range(dh.size):
        dc[j] = carried_c[j] + dh[j] * o[j] * steep[j]


@kernel
def near_forget(option: int, dc: Array, a_f: Array, c_before: Array, da_f: Array, kept: Array) -> None:
    """kept = f dc; da_f = dc c' σ'."""
    if option == WITHOUT_FORGET:
        kept[:] = dc
        da_f[:] = 0
        return
    sigmoid_row(a_f, kept, da_f)
    for j in range(dc.size):
        kept[j] *= dc[j]
    for j in range(dc.size):
        da_f[j] *= dc[j] * c_before[j]


@kernel
def near_input(dc: Array, a_i: Array, a_g: Array, g: Array, da_i: Array, da_g: Array) -> None:
    """da_i = dc g σ'; da_g = dc i tanh'."""
    sigmoid_row(a_i, da_g, da_i)
    for j in range(dc.size):
        da_i[j] *= dc[j] * g[j]
    for j in range(dc.size):
        _, steep = tanh_and_slope(a_g[j])
        da_g[j] *= dc[j] * steep
