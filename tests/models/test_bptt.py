"""Total and direct gradients against an explicit autograd loop, finite differences and cut sequences."""

import dataclasses

import pytest
import torch
from oracles import (
    CONFIGURATION_NAMES,
    CONFIGURATIONS,
    LOSSES,
    autograd_loop,
    every_step_loss,
    last_step_loss,
    make_model,
    oracle_step,
    relative_error,
)

import models


def inputs_for(seq_len: int = 9, batch_size: int = 3, seed: int = 1) -> torch.Tensor:
    return torch.randn(seq_len, batch_size, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("position", ["last", "every"])
@pytest.mark.parametrize("truncate", [None, 1, 4, 100])
def test_total_gradients_equal_an_autograd_loop(cell, options, num_layers, bidirectional, position, truncate):
    model = make_model(cell, options, num_layers=num_layers, bidirectional=bidirectional)
    inputs = inputs_for()
    loop = autograd_loop(model, inputs, LOSSES[position], truncate=truncate)
    for path in ("reference", "fast"):
        trace = models.record(model, inputs, LOSSES[position], truncate=truncate, path=path)
        assert_as_in_the_loop(trace, loop)


def largest_error(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest of all timesteps' relative errors; time is the first dimension."""
    error, size = (x.abs().flatten(1).amax(1) for x in (a - b, b))
    return float((error / size.where(size > 0, 1.0)).max())


def assert_as_in_the_loop(trace, loop):
    scale = trace.log_scale.exp().unsqueeze(-1)
    assert relative_error(trace.loss, loop.loss) < 1e-12
    for index, states in enumerate(loop.states):
        grads = [torch.stack([s.grad if s.grad is not None else torch.zeros_like(s) for s in part])
                 for part in zip(*states, strict=True)]  # fmt: skip
        assert largest_error((trace.grad_hidden * scale)[index], grads[0]) < 1e-10
        assert largest_error(trace.total_grad_hidden[index], grads[0]) < 1e-10
        assert torch.allclose(trace.log_norm[index], grads[0].norm(dim=-1).log(), rtol=0, atol=1e-10)
        if len(grads) == 2:
            assert largest_error((trace.grad_cell * scale)[index], grads[1]) < 1e-10
    for name, grad in loop.model_grads.items():
        assert relative_error(trace.parameter_grads[name], grad) < 1e-10, name
        log_norm = torch.as_tensor(trace.parameter_log_norm[name], dtype=torch.float64)
        assert torch.allclose(log_norm, grad.norm().log(), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
def test_total_gradient_equals_finite_differences(record, cell, options):
    """Nudge one unit of one h_t (or c_t), run the rest, and look at the loss."""
    model = make_model(cell, options)
    inputs = inputs_for(seq_len=6, batch_size=2)
    trace = record(model, inputs, every_step_loss)
    weights = tuple(model.recurrent.parameters())

    @torch.no_grad()
    def loss_with_nudge(at: int, which: int, unit: int, nudge: float) -> float:
        state = tuple(torch.zeros(2, 5, dtype=torch.float64) for _ in range(2 if cell == "lstm" else 1))
        outputs = []
        for t in range(6):
            state = tuple(oracle_step(cell, options, weights, inputs[t], state))
            if t == at:
                state[which][0, unit] += nudge
                if which == 1:  # c_t acts on h_t, too: h = o tanh(c)
                    state[0][0, unit] = trace.gates["o"][0, t, 0, unit] * torch.tanh(state[1][0, unit])
            outputs.append(model.readout(state[0]))
        return every_step_loss(torch.stack(outputs)).item()

    for at, unit in [(0, 0), (2, 3), (5, 4)]:
        for which, total in enumerate([trace.total_grad_hidden, trace.total_grad_cell][: 2 if cell == "lstm" else 1]):
            eps = 1e-6
            difference = loss_with_nudge(at, which, unit, eps) - loss_with_nudge(at, which, unit, -eps)
            assert abs(difference / (2 * eps) - total[0, at, 0, unit].item()) < 1e-6


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
def test_direct_gradient_is_what_the_loss_sends_past_the_recurrence(record, cell, options):
    """With a last-step loss only h_T has a direct gradient; the total gradient reaches every h_t."""
    model = make_model(cell, options)
    inputs = inputs_for()
    trace = record(model, inputs, last_step_loss)
    assert (trace.direct_grad_hidden[0, :-1] == 0).all()
    assert torch.isneginf(trace.direct_log_norm[0, :-1]).all()
    assert (trace.direct_grad_hidden[0, -1] != 0).any()
    if options.get("nonlinearity") != "relu":  # all of a relu's units may be silent
        assert (trace.total_grad_hidden[0].abs().amax(dim=-1) > 0).all()
    assert torch.allclose(trace.direct_grad_hidden[0, -1], trace.total_grad_hidden[0, -1])

    every = record(model, inputs, every_step_loss)
    features = every.hidden[0].clone().requires_grad_()
    every_step_loss(model.readout(features)).backward()
    assert torch.allclose(every.direct_grad_hidden[0], features.grad, rtol=0, atol=1e-14)
    assert not torch.allclose(every.total_grad_hidden[0, 0], features.grad[0], rtol=1e-3)


def test_direct_gradient_of_a_lower_layer_comes_through_the_layer_above(record):
    model = make_model("gru", {"reset_after": True}, num_layers=2)
    trace = record(model, inputs_for(), last_step_loss)
    # total = direct + (∂h_{t+1}/∂h_t)ᵀ total: cutting the carried part at every step leaves the direct part.
    cut = record(model, inputs_for(), last_step_loss, truncate=1)
    assert torch.allclose(cut.direct_grad_hidden[1], trace.direct_grad_hidden[1])
    assert torch.allclose(cut.total_grad_hidden, cut.direct_grad_hidden, rtol=1e-12, atol=0)
    assert (trace.direct_grad_hidden[0].abs().amax(dim=(1, 2)) > 0).all()


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("k", [1, 3, 5, 9])
def test_truncation_equals_chunks_with_the_state_carried_on(record, cell, options, k):
    model = make_model(cell, options, num_layers=2)
    inputs = inputs_for()
    trace = record(model, inputs, every_step_loss, truncate=k)

    total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    chunk_grads = []
    T = len(inputs)
    twin_states = [tuple(torch.zeros(3, 5, dtype=torch.float64) for _ in range(2 if cell == "lstm" else 1))] * 2
    outputs_before = [torch.zeros(0, 3, 2, dtype=torch.float64)]
    for start in range(0, T, k):
        outputs, kept = [], []
        states = [tuple(s.detach() for s in state) for state in twin_states]
        for t in range(start, min(start + k, T)):
            feature = inputs[t]
            for layer in range(2):
                weights = tuple(getattr(model.recurrent, f"{n}_l{layer}") for n in
                                ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))  # fmt: skip
                states[layer] = tuple(oracle_step(cell, options, weights, feature, states[layer]))
                feature = states[layer][0]
                feature.retain_grad()
                kept.append(feature)
            outputs.append(model.readout(feature))
        after = trace.outputs[start + len(outputs) :]
        model.zero_grad()
        every_step_loss(torch.cat([*outputs_before, torch.stack(outputs), after])).backward()
        for name, p in model.named_parameters():
            total[name] += p.grad
        chunk_grads += [h.grad if h.grad is not None else torch.zeros_like(h) for h in kept]
        outputs_before.append(torch.stack(outputs).detach())
        twin_states = states
    for name, grad in total.items():
        assert relative_error(trace.parameter_grads[name], grad) < 1e-10
    for t in range(T):
        for layer in range(2):
            assert torch.allclose(trace.total_grad_hidden[layer, t], chunk_grads[2 * t + layer], rtol=0, atol=1e-14)


def test_record_is_deterministic_and_leaves_the_model_alone(record):
    model = make_model("lstm", {}, num_layers=2, bidirectional=True, dtype=torch.float32)
    inputs = inputs_for().float()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    a, b = (record(model, inputs, every_step_loss) for _ in range(2))
    for field in dataclasses.fields(a):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, torch.Tensor):
            assert torch.equal(x, y), field.name
            assert not x.requires_grad, field.name
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name])
        assert p.grad is None
        assert p.requires_grad
    with pytest.raises(dataclasses.FrozenInstanceError):
        a.loss = 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda x: x[0], "inputs"),
        (lambda x: x[..., :2], "inputs"),
        (lambda x: x[:0], "inputs"),
        (lambda x: x.float(), "inputs"),
    ],
)
def test_wrong_inputs_are_named(record, change, named):
    with pytest.raises(ValueError, match=named):
        record(make_model("gru", {}), change(inputs_for()), last_step_loss)


def test_wrong_loss_and_truncation_are_named(record):
    model = make_model("gru", {})
    with pytest.raises(ValueError, match="loss"):
        record(model, inputs_for(), lambda o: o)
    with pytest.raises(ValueError, match="truncate was 0"):
        record(model, inputs_for(), last_step_loss, truncate=0)


def test_a_loss_without_gradient_gives_minus_infinity_everywhere(record):
    trace = record(make_model("lstm", {}), inputs_for(), lambda o: torch.zeros(()))
    assert torch.isneginf(trace.log_norm).all()
    assert all(value == float("-inf") for value in trace.parameter_log_norm.values())


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_inference_mode_frozen_weights_and_no_grad_change_nothing(record, cell):
    model, inputs = make_model(cell, {}, num_layers=2), inputs_for()
    expected = record(model, inputs, every_step_loss)
    with torch.inference_mode():
        within = record(model, torch.clone(inputs), every_step_loss)
    model.requires_grad_(False)
    frozen = record(model, inputs, every_step_loss)
    for other in (within, frozen):
        assert torch.equal(other.log_norm, expected.log_norm)
        for name, grad in expected.parameter_grads.items():
            assert torch.equal(other.parameter_grads[name], grad), name
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("truncate", [0, -1])
def test_a_truncation_below_one_is_named(record, truncate):
    with pytest.raises(ValueError, match=rf"truncate was {truncate}; it must be a whole number of at least 1"):
        record(make_model("gru", {}), inputs_for(), last_step_loss, truncate=truncate)


@pytest.mark.parametrize(
    ("loss", "given"),
    [
        (lambda o: 3.0, "3.0"),
        (lambda o: o, r"a torch.float64 of shape \(9, 3, 2\)"),
        (lambda o: torch.complex(o, o).sum(), r"a torch.complex128 of shape \(\)"),
    ],
)
def test_a_loss_that_is_no_real_scalar_is_named(record, loss, given):
    with pytest.raises(ValueError, match=rf"^loss returned {given}; it must map the outputs to a real scalar tensor\."):
        record(make_model("gru", {}), inputs_for(), loss)
