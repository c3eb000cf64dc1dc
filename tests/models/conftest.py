"""Whatever is claimed of a recording is claimed of every path that makes one."""

import functools

import pytest

import models


@pytest.fixture(params=["reference", "fast"])
def record(request):
    return functools.partial(models.record, path=request.param)
