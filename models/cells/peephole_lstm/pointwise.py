"""The transpose of a peephole LSTM's step between its matrix products, for one row of units."""

from models.bptt.compiled.elementary import tanh
from models.bptt.compiled.jit import Array, kernel


@kernel
def peephole_backward(
    dh: Array, carried_c: Array, i: Array, f: Array, g: Array, o: Array, c_before: Array, c: Array, vectors: Array,
    dc: Array, da_i: Array, da_f: Array, da_g: Array, da_o: Array,
) -> None:  # fmt: skip
    """dc = carried + dh o tanh'(c) + p_o da_o; da of each gate; carried ← f dc + p_i da_i + p_f da_f."""
    one = c.dtype.type(1)
    p_i, p_f, p_o = vectors[0], vectors[1], vectors[2]
    for k in range(c.size):
        y = tanh(c[k])
        da_o[k] = dh[k] * y * (o[k] * (one - o[k]))
        dc[k] = carried_c[k] + dh[k] * o[k] * (one - y * y) + p_o[k] * da_o[k]
    for k in range(c.size):
        da_i[k] = dc[k] * g[k] * (i[k] * (one - i[k]))
    for k in range(c.size):
        da_f[k] = dc[k] * c_before[k] * (f[k] * (one - f[k]))
    for k in range(c.size):
        da_g[k] = dc[k] * i[k] * (one - g[k] * g[k])
    for k in range(c.size):
        carried_c[k] = dc[k] * f[k] + p_i[k] * da_i[k] + p_f[k] * da_f[k]
