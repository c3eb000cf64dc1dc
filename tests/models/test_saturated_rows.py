"""Rows of a saturated step in their own dtype: as the equations say; left to wider numbers where that is too small.

Each is the second of three: the others are computed beside it, and have no part in it.
"""

import numpy as np
import pytest

from models.bptt.compiled.slopes import LIMIT_32, LIMIT_64, SIGMOID_LIMIT_32, SIGMOID_LIMIT_64
from models.cells.gru.near import gru_near, reset_near
from models.cells.lstm.near import lstm_near
from models.cells.lstm.pointwise import PLAIN, WITHOUT_FORGET

UNITS, BESIDE, ROW = 21, 3, 1
DTYPES = [np.float32, np.float64]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def slope_of_sigmoid(a):
    return sigmoid(a) * sigmoid(-a)


def slope_of_tanh(a):
    return 1 / np.cosh(a) ** 2


def rows(dtype, count, size, seed=0):
    """Rows in the dtype, and the same numbers in float64."""
    drawn = (size * np.random.default_rng(seed).standard_normal((count, UNITS))).astype(dtype)
    return drawn, drawn.astype(np.float64)


def among_others(row):
    """A row as the second of three; the first and the last have numbers that no dtype holds well."""
    return np.stack([np.full_like(row, np.inf), row, np.full_like(row, 1e-30)])


def results(dtype, count):
    return np.empty((count, BESIDE, UNITS), dtype)


def near_rows():
    return np.ones(BESIDE, np.bool_)


def close(dtype):
    return {"rtol": 300 * np.finfo(dtype).eps, "atol": 0}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1.0, 8.0])
def test_a_gru_row_is_as_the_equations_say(dtype, size):
    (a_z, a_n, a_r), (wide_z, wide_n, wide_r) = rows(dtype, 3, size)
    (dh, n, h, v), (wide_dh, wide_candidate, wide_h, wide_v) = rows(dtype, 4, 1.0, seed=1)
    made, near = results(dtype, 5), near_rows()
    gru_near(near, *map(among_others, (dh, a_z, a_n, n, h)), *made[:3])
    reset_near(near, *map(among_others, (dh, a_r, v)), *made[3:])
    assert near[ROW]
    assert not near[0]
    da_z, da_n, kept, da_r, through = made[:, ROW]
    np.testing.assert_allclose(da_z, wide_dh * (wide_h - wide_candidate) * slope_of_sigmoid(wide_z), **close(dtype))
    np.testing.assert_allclose(da_n, wide_dh * sigmoid(-wide_z) * slope_of_tanh(wide_n), **close(dtype))
    np.testing.assert_allclose(kept, wide_dh * sigmoid(wide_z), **close(dtype))
    np.testing.assert_allclose(da_r, wide_dh * wide_v * slope_of_sigmoid(wide_r), **close(dtype))
    np.testing.assert_allclose(through, wide_dh * sigmoid(wide_r), **close(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1.0, 8.0])
@pytest.mark.parametrize("option", [PLAIN, WITHOUT_FORGET])
def test_an_lstm_row_is_as_the_equations_say(dtype, size, option):
    a, (wide_i, wide_f, wide_g, wide_o) = rows(dtype, 4, size)
    (dh, carried, g, c_before, c), wide = rows(dtype, 5, 1.0, seed=1)
    wide_dh, wide_carried, wide_candidate, wide_before, wide_c = wide
    made, near = results(dtype, 6), near_rows()
    dh, carried, g, c_before, c = map(among_others, (dh, carried, g, c_before, c))
    of_rows, sent = tuple(map(among_others, a)), tuple(made[:4])
    lstm_near(near, option, dh, carried, of_rows, g, c_before, c, made[4], sent, made[5])
    assert near[ROW]
    assert not near[0]
    *da, dc, kept = made[:, ROW]
    expected = wide_carried + wide_dh * sigmoid(wide_o) * slope_of_tanh(wide_c)
    forgets = option != WITHOUT_FORGET
    np.testing.assert_allclose(dc, expected, rtol=0, atol=30 * np.finfo(dtype).eps)
    now = dc.astype(np.float64)  # a sum that nearly cancels has lost digits, and what follows has them from there
    np.testing.assert_allclose(kept, now * sigmoid(wide_f) if forgets else now, **close(dtype))
    np.testing.assert_allclose(da[0], now * wide_candidate * slope_of_sigmoid(wide_i), **close(dtype))
    np.testing.assert_allclose(da[1], now * wide_before * slope_of_sigmoid(wide_f) * forgets, **close(dtype))
    np.testing.assert_allclose(da[2], now * sigmoid(wide_i) * slope_of_tanh(wide_g), **close(dtype))
    np.testing.assert_allclose(da[3], wide_dh * np.tanh(wide_c) * slope_of_sigmoid(wide_o), **close(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("change", ["σ' too small", "tanh' too small", "a result too small", "not a number"])
def test_what_the_dtype_does_not_hold_is_left_to_wider_numbers(dtype, change):
    single = dtype == np.float32
    (a_z, a_n), _ = rows(dtype, 2, 1.0)
    (dh, n, h), _ = rows(dtype, 3, 1.0, seed=1)
    if change == "σ' too small":
        a_z[3] = -1.1 * (SIGMOID_LIMIT_32 if single else SIGMOID_LIMIT_64)
    elif change == "tanh' too small":
        a_n[3] = 1.1 * (LIMIT_32 if single else LIMIT_64)
    elif change == "a result too small":
        a_n[:] = 30 if single else 200  # the whole row: its largest entry is below 2^−40, or 2^−300
    else:
        dh[3] = np.nan
    near = near_rows()
    gru_near(near, *map(among_others, (dh, a_z, a_n, n, h)), *results(dtype, 3))
    assert not near[ROW]
