"""Compiled loops over whole vectors: asked for where the processor has them, with the same numbers."""

import numba
import numpy as np
import pytest

from models.bptt.compiled import vector_width
from models.bptt.compiled.jit import OPTIONS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_vectors_change_no_number_and_are_asked_for_where_the_processor_has_them(monkeypatch, dtype):
    def step(x, y):
        for k in range(x.size):
            y[k] = x[k] * y[k] + x[k]

    monkeypatch.setattr(vector_width, "get_host_cpu_features", lambda: {vector_width.SINCE_ICE_LAKE: True})
    has_them = numba.njit(**{**OPTIONS, **vector_width.vector_options.__wrapped__()})(step)
    monkeypatch.setattr(vector_width, "get_host_cpu_features", dict)
    assert vector_width.vector_options.__wrapped__() == {}
    has_none = numba.njit(**{name: value for name, value in OPTIONS.items() if name != "pipeline_class"})(step)
    x, y = np.random.default_rng(0).standard_normal((2, 1001)).astype(dtype)
    other, size = y.copy(), abs(x * y) + abs(x)
    has_them(x, y)
    has_none(x, other)
    assert (abs(y - other) <= np.finfo(dtype).eps * size).all()  # one may round the product, the other only the sum
    asked = [vector_width.WHOLE_VECTORS in "".join(f.inspect_llvm().values()) for f in (has_them, has_none)]
    assert asked == [True, False]
