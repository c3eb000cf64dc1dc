"""Whatever is claimed of a recording is claimed of every path that makes one."""

import functools

import pytest
import torch

import models


@pytest.fixture(params=["reference", "fast"])
def record(request):
    return functools.partial(models.record, path=request.param)


@pytest.fixture
def float64():
    """Networks and numbers of float64, from the same random numbers for every test."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
