"""The compiled path against the reference: any size, layout and scale, and what is not finite."""

import contextlib
import dataclasses
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import (
    CONFIGURATION_NAMES,
    CONFIGURATIONS,
    MORE_CONFIGURATIONS,
    every_step_loss,
    last_step_loss,
    make_model,
    named,
    relative_error,
)

from models import record
from models.bptt.compiled import parallel
from models.bptt.compiled.parallel import over_batch

FIELDS = [
    "outputs", "hidden", "cell_state", "total_grad_hidden", "total_grad_cell", "direct_grad_hidden",
]  # fmt: skip


def fields(trace):
    """Everything of a trace that is an array, by name."""
    values = {name: getattr(trace, name) for name in FIELDS if getattr(trace, name) is not None}
    grads = {
        name: grad for name, grad in trace.parameter_grads.items() if grad.numel()
    }  # the minGRU's W_hh has no rows
    return values | trace.gates | grads


def assert_same(fast, reference, tolerance):
    assert (fast.path, reference.path) == ("fast", "reference")
    for name, expected in fields(reference).items():
        assert relative_error(fields(fast)[name], expected) < tolerance, name
    size = max(1.0, float(reference.outputs.square().max()))  # a loss is a sum of such terms, which may cancel
    assert abs(float(fast.loss - reference.loss)) < tolerance * size
    for name in ("log_norm", "direct_log_norm"):
        a, b = getattr(fast, name), getattr(reference, name)
        assert torch.equal(a.isneginf(), b.isneginf()), name
        assert torch.allclose(a[a.isfinite()], b[a.isfinite()], rtol=0, atol=100 * tolerance), name
    for name, size in reference.parameter_log_norm.items():
        assert fast.parameter_log_norm[name] == pytest.approx(size, abs=100 * tolerance), name


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    configuration=st.sampled_from(CONFIGURATIONS + MORE_CONFIGURATIONS),
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 40), st.integers(1, 5), st.integers(1, 70)),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    truncate=st.one_of(st.none(), st.integers(1, 13)),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    layout=st.sampled_from(["plain", "transposed", "strided", "expanded"]),
    loss=st.sampled_from([last_step_loss, every_step_loss]),
)
def test_any_size_dtype_and_layout(configuration, sizes, num_layers, bidirectional, truncate, dtype, layout, loss):
    cell, options = configuration
    T, B, I, H = sizes
    model = make_model(
        cell, options, dtype=dtype, input_size=I, hidden_size=H, num_layers=num_layers, bidirectional=bidirectional
    )
    generator = torch.Generator().manual_seed(1)
    inputs = {
        "plain": torch.randn(T, B, I, dtype=dtype, generator=generator),
        "transposed": torch.randn(B, T, I, dtype=dtype, generator=generator).transpose(0, 1),
        "strided": torch.randn(2 * T, B, 2 * I, dtype=dtype, generator=generator)[::2, :, 1::2],
        "expanded": torch.randn(T, 1, I, dtype=dtype, generator=generator).expand(T, B, I),
    }[layout]
    fast, reference = (record(model, inputs, loss, truncate, path=path) for path in ("fast", "reference"))
    assert torch.equal(fast.inputs, inputs)
    assert_same(fast, reference, 1e-11 if dtype == torch.float64 else 2e-4)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("factor", [1e-3, 0.3, 4.0, 50.0])
@pytest.mark.parametrize(
    ("num_layers", "bidirectional", "loss"), [(1, False, last_step_loss), (2, True, every_step_loss)]
)
def test_exploding_and_vanishing_weights(cell, options, factor, num_layers, bidirectional, loss):
    """Gradients far outside of float64: direction, log norm and the parameters' gradients follow the reference."""
    model = make_model(cell, options, num_layers=num_layers, bidirectional=bidirectional)
    with torch.no_grad():
        for name, parameter in model.recurrent.named_parameters():
            if name.startswith("weight_hh"):
                parameter.mul_(factor)
    # A chaotic forward pass multiplies rounding errors without bound: such weights run for a short time only.
    T = 60 if factor > 1 and options.get("nonlinearity") not in ("relu", "identity") else 150
    if factor > 1 and (cell != "elman" or options["nonlinearity"] == "tanh"):
        T = 12
    inputs = torch.randn(T, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 1e-3
    fast, reference = (record(model, inputs, loss, path=path) for path in ("fast", "reference"))
    finite = reference.log_norm.isfinite()
    assert torch.equal(finite, fast.log_norm.isfinite())
    error = (fast.log_norm - reference.log_norm)[finite].abs()
    assert (error <= 1e-8 * reference.log_norm[finite].abs().clamp(min=1)).all()
    for name, size in reference.parameter_log_norm.items():
        got = fast.parameter_log_norm[name]
        assert got == pytest.approx(size, abs=1e-6, rel=1e-8, nan_ok=True), name
    if reference.hidden.isfinite().all():
        a, b = fast.grad_hidden, reference.grad_hidden  # the same direction, at any exponents
        a, b = a / a.norm(dim=-1, keepdim=True), b / b.norm(dim=-1, keepdim=True)
        assert (a - b)[finite].abs().max() < 1e-7


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e300])
@pytest.mark.parametrize("at", [0, 3, 7])
def test_what_is_not_finite_comes_out_as_in_the_reference(cell, options, value, at):
    model = make_model(cell, options, num_layers=2)
    inputs = torch.randn(8, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    inputs[at, 1, 2] = value
    fast, reference = (record(model, inputs, every_step_loss, path=path) for path in ("fast", "reference"))
    for name, expected in fields(reference).items():
        got = fields(fast)[name]
        assert torch.equal(got.isfinite(), expected.isfinite()), name
        finite = expected.isfinite()
        assert torch.allclose(got[finite], expected[finite], rtol=1e-9, atol=1e-12), name
    for name in ("hidden", "outputs"):
        assert torch.equal(getattr(fast, name).isnan(), getattr(reference, name).isnan()), name
    assert torch.equal(fast.log_norm.isfinite(), reference.log_norm.isfinite())


@pytest.mark.parametrize(("cell", "options"), MORE_CONFIGURATIONS, ids=named(MORE_CONFIGURATIONS))
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_is_not_finite_comes_out_as_in_the_reference_in_all_cells(cell, options, value):
    test_what_is_not_finite_comes_out_as_in_the_reference(cell, options, value, 3)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS + MORE_CONFIGURATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nan_goes_back_through_saturated_units_as_in_the_reference(cell, options, dtype):
    """Infinite weights: the units are saturated while the input is 1, and NaN after the first input that is 0."""
    model = make_model(cell, options, dtype=dtype, input_size=1, hidden_size=2)
    with torch.no_grad():
        model.recurrent.weight_ih_l0.mul_(math.inf)
    inputs = torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]], dtype=dtype)[..., None]
    fast, reference = (record(model, inputs, every_step_loss, path=path) for path in ("fast", "reference"))
    assert reference.log_norm.isnan().any()
    for name in ("log_norm", "total_grad_hidden", "total_grad_cell", "hidden"):
        if getattr(reference, name) is not None:
            assert torch.equal(getattr(fast, name).isnan(), getattr(reference, name).isnan()), name


@pytest.mark.parametrize(("cell", "options"), MORE_CONFIGURATIONS, ids=named(MORE_CONFIGURATIONS))
@pytest.mark.parametrize("factor", [1e-3, 4.0])
def test_exploding_and_vanishing_weights_in_all_cells(cell, options, factor):
    test_exploding_and_vanishing_weights(cell, options, factor, 2, True, every_step_loss)


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many threads inside, as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("threads", [1, 2])
def test_runs_are_equal_bit_by_bit(cell, threads):
    model = make_model(cell, {}, dtype=torch.float32, hidden_size=64, num_layers=2)
    inputs = torch.randn(100, 32, 3, generator=torch.Generator().manual_seed(1))
    with torch_threads(threads):
        a, b = (record(model, inputs, every_step_loss, path="fast") for _ in range(2))
    for field in dataclasses.fields(a):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, torch.Tensor):
            assert torch.equal(x, y), field.name
    for name, grad in a.parameter_grads.items():
        assert torch.equal(grad, b.parameter_grads[name]), name


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_two_threads_give_what_one_gives(cell):
    model = make_model(cell, {}, hidden_size=64, num_layers=2, bidirectional=True)
    inputs = torch.randn(60, 33, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch_threads(1):
        one = record(model, inputs, every_step_loss, path="fast")
    with torch_threads(2):
        two = record(model, inputs, every_step_loss, path="fast")
    for name, expected in fields(one).items():
        assert relative_error(fields(two)[name], expected) < 1e-12, name


def test_a_batch_is_split_without_gap_or_overlap(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    parts = over_batch(lambda first, last: (first, last), 32, work=10**9)
    assert parts == [(0, 10), (10, 21), (21, 32)]
    assert over_batch(lambda first, last: (first, last), 32, work=10) == [(0, 32)]
    assert over_batch(lambda first, last: (first, last), 7, work=10**9) == [(0, 7)]


def test_a_share_that_no_other_thread_has_begun_is_not_waited_for(monkeypatch):
    with ThreadPoolExecutor(1) as busy, torch_threads(2):
        done = threading.Event()
        busy.submit(done.wait, 20)
        monkeypatch.setattr(parallel, "helpers", lambda: busy)
        threads = over_batch(lambda first, last: threading.current_thread(), 32, work=10**9)
        assert not done.is_set()
        done.set()
    assert threads == [threading.current_thread()] * 2


def test_an_error_in_one_part_is_raised():
    def part(first, last):
        if last == 32:
            raise RuntimeError("the last part")

    with torch_threads(2), pytest.raises(RuntimeError, match="the last part"):
        over_batch(part, 32, work=10**9)


@pytest.mark.parametrize("path", ["fast", "reference", None])
@pytest.mark.parametrize("shape", [(0, 2, 3), (4, 0, 3), (4, 2, 0), (4, 2, 5)])
def test_empty_or_misshapen_inputs_are_refused_in_the_same_words(path, shape):
    with pytest.raises(ValueError, match=r"they must be \[time, batch, 3\], none of them 0"):
        record(make_model("lstm", {}), torch.zeros(shape, dtype=torch.float64), last_step_loss, path=path)


def test_what_the_fast_path_cannot_take_is_named_and_goes_to_the_reference():
    model = make_model("gru", {}, dtype=torch.bfloat16)
    inputs = torch.randn(4, 2, 3).bfloat16()
    assert record(model, inputs, last_step_loss).path == "reference"
    with pytest.raises(ValueError, match=r"float32 or float64.*bfloat16"):
        record(model, inputs, last_step_loss, path="fast")
    with pytest.raises(ValueError, match="path was 'quick'"):
        record(model, inputs, last_step_loss, path="quick")
