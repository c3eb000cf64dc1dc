"""Sequences of unequal lengths in one batch: beyond its end, a sequence takes no step."""

import numpy as np

from models.bptt.compiled.jit import Array, Exponents, kernel


@kernel
def keep_state(lengths: Exponents, t: int, before: Array, now: Array) -> None:
    """Beyond its end a sequence keeps its state; read in reverse, it keeps the start state until its first input."""
    for b in range(now.shape[0]):
        if t >= lengths[b]:
            for k in range(now.shape[1]):
                now[b, k] = before[b, k]


@kernel
def set_aside(
    lengths: Exponents, t: int, dh: Array, carried_cell: Array, exponent: Exponents, exponent_cell: Exponents
) -> tuple[Array, Array, Exponents]:
    """Set the carried gradient aside and put zeros in its place beyond a sequence's end: no weight sees it there."""
    exponents = np.empty((2, exponent.size), np.int64)
    exponents[0], exponents[1] = exponent, exponent_cell
    waiting = dh.copy(), carried_cell.copy(), exponents
    for b in range(dh.shape[0]):
        if t >= lengths[b]:
            dh[b] = 0
            carried_cell[b] = 0
    return waiting


@kernel
def bring_back(
    lengths: Exponents,
    t: int,
    waiting: tuple[Array, Array, Exponents],
    carried: Array,
    carried_cell: Array,
    exponent: Exponents,
    exponent_cell: Exponents,
) -> None:
    """Put the gradient that was set aside back: no step changes a gradient beyond a sequence's end."""
    for b in range(carried.shape[0]):
        if t >= lengths[b]:
            carried[b], carried_cell[b] = waiting[0][b], waiting[1][b]
            exponent[b], exponent_cell[b] = waiting[2][0, b], waiting[2][1, b]
