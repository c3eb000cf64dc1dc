"""Statistics on a log scale, and what is finite."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analysis.numbers import all_finite, log_quantile

NATS = st.one_of(st.floats(-1e5, 1e5), st.sampled_from([-math.inf, math.inf]))


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=9), st.floats(0, 1))
def test_a_quantile_of_numbers_is_numpys(values, q):
    assert log_quantile(np.array(values), q) == pytest.approx(np.quantile(values, q), rel=1e-12, abs=1e-9)


@given(st.lists(st.tuples(NATS, NATS), min_size=1, max_size=9), st.sampled_from([0.1, 0.5, 0.9]))
def test_a_bound_on_every_sample_is_one_on_the_quantile_whatever_is_infinite(pairs, q):
    lower, upper = np.sort(np.array(pairs), axis=1).T
    assert log_quantile(lower, q) <= log_quantile(upper, q)


def test_nothing_lies_between_minus_infinity_and_a_number():
    assert log_quantile(np.array([[-np.inf, 1.0], [1.0, np.inf], [1.0, 2.0]]), 0.5).tolist() == [-np.inf, np.inf, 1.5]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_one_value_that_is_not_finite_is_found_wherever_it_stands(dtype, value):
    largest = torch.finfo(dtype).max
    values = torch.tensor([largest, -largest, 0.0, 5e-5], dtype=dtype).repeat(9)
    assert all_finite(values), "a sum of them would not be"
    for at in range(len(values)):
        broken = values.clone()
        broken[at] = value
        assert not all_finite(broken.reshape(4, 9))
    assert all_finite(torch.empty(0, 3, dtype=dtype))
