"""Statistics on a log scale, and what is finite."""

import math

import pytest
import torch

from analysis.numbers import all_finite


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
