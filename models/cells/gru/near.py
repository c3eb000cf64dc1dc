"""Rows of the GRU's saturated step in their own dtype: `gru_row` and `reset_row` of `models.cells.gru.saturated`."""

from models.bptt.compiled.jit import Array, Flags, kernel
from models.bptt.compiled.near import refuse_far, refuse_flat_sigmoid, refuse_flat_tanh
from models.bptt.compiled.slopes import sigmoid_and_slope, sigmoid_row, tanh_and_slope


@kernel
def gru_near(
    near: Flags, dh: Array, a_z: Array, a_n: Array, n: Array, h_before: Array, da_z: Array, da_n: Array, kept: Array
) -> None:  # fmt: skip
    """da_z = dh (h' - n) σ'; da_n = dh (1 - z) tanh', or without tanh' if there is no a_n; kept = dh z.

    They are near only where the dtype holds all slopes and results.
    """
    refuse_flat_sigmoid(near, a_z)
    refuse_flat_tanh(near, a_n)
    gru_slopes(
        dh.ravel(), a_z.ravel(), a_n.ravel(), n.ravel(), h_before.ravel(), da_z.ravel(), da_n.ravel(), kept.ravel()
    )
    refuse_far(near, da_z)
    refuse_far(near, da_n)
    refuse_far(near, kept)


@kernel
def gru_slopes(
    dh: Array, a_z: Array, a_n: Array, n: Array, h_before: Array, da_z: Array, da_n: Array, kept: Array
) -> None:  # fmt: skip
    """The same, whatever comes out."""
    sigmoid_row(a_z, kept, da_z)
    for j in range(dh.size):
        da_z[j] *= dh[j] * (h_before[j] - n[j])
    for j in range(dh.size):
        kept[j] *= dh[j]
    for j in range(dh.size):
        closed, _ = sigmoid_and_slope(-a_z[j])
        da_n[j] = dh[j] * closed
    for j in range(a_n.size):
        _, slope = tanh_and_slope(a_n[j])
        da_n[j] *= slope


@kernel
def reset_near(near: Flags, dn: Array, a_r: Array, factor: Array, da_r: Array, through: Array) -> None:
    """da_r = dn · factor · σ'(a_r); through = dn r; near as above."""
    refuse_flat_sigmoid(near, a_r)
    reset_slopes(dn.ravel(), a_r.ravel(), factor.ravel(), da_r.ravel(), through.ravel())
    refuse_far(near, da_r)
    refuse_far(near, through)


@kernel
def reset_slopes(dn: Array, a_r: Array, factor: Array, da_r: Array, through: Array) -> None:
    """The same, whatever comes out."""
    sigmoid_row(a_r, through, da_r)
    for j in range(dn.size):
        da_r[j] *= dn[j] * factor[j]
    for j in range(dn.size):
        through[j] *= dn[j]
