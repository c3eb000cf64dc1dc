"""A window that slides with each loss, against an explicit loop in which every loss has its own unrolled steps."""

import numpy as np
import pytest
import torch
from oracles import CONFIGURATIONS, LOSSES, MORE_CONFIGURATIONS, make_model, named, oracle_step, relative_error

import models
from analysis.credit import credit
from models import direct_gradients
from models.bptt.scaled import true_value

CELLS = [*CONFIGURATIONS, *MORE_CONFIGURATIONS]
T, B = 9, 3


def inputs_for(seq_len: int = T, batch_size: int = B) -> torch.Tensor:
    return torch.randn(seq_len, batch_size, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def unrolled(model, inputs, loss, k):
    """Each layer's Σ dL_τ/ds_t over the losses τ = t … t+k−1, and the recurrent weights' gradients.

    For each τ the steps τ−k+1 … τ run again from the states before them, which are constants.
    """
    r = model.recurrent
    steps, layers = len(inputs), range(r.num_layers)
    weights = [tuple(getattr(r, f"{name}_l{layer}") for name in r.cell_type.parameter_shapes(1, 1)) for layer in layers]
    zero = tuple(inputs.new_zeros(inputs.shape[1], r.hidden_size) for _ in r.cell_type.state_names)

    def run(first, last, states):
        made = []
        for t in range(first, last + 1):
            x, now = inputs[t], []
            for layer in layers:
                state = oracle_step(r.cell_name, r.options, weights[layer], x, states[layer])
                for s in state:
                    if s.requires_grad:
                        s.retain_grad()
                now.append(state)
                x = state[0]
            states = now
            made.append(now)
        return made

    with torch.no_grad():
        states = [[zero for _ in layers], *run(0, steps - 1, [zero for _ in layers])]  # states[t + 1] is s_t
        features = torch.stack([s[-1][0] for s in states[1:]])
    outputs = model.readout(features).detach().requires_grad_()
    (of_outputs,) = torch.autograd.grad(loss(outputs), outputs)

    totals = [[[torch.zeros_like(s) for s in zero] for _ in range(steps)] for _ in layers]
    grads = {name: torch.zeros_like(p) for name, p in r.named_parameters()}
    for tau in range(steps):
        first = max(0, tau - k + 1)
        made = run(first, tau, states[first])
        r.zero_grad()
        (model.readout(made[-1][-1][0]) * of_outputs[tau]).sum().backward()
        for t, now in enumerate(made, start=first):
            for layer in layers:
                for part, s in enumerate(now[layer]):
                    totals[layer][t][part] += 0 if s.grad is None else s.grad
        for name, p in r.named_parameters():
            grads[name] += 0 if p.grad is None else p.grad
    return totals, grads


@pytest.mark.parametrize(("cell", "options"), CELLS, ids=named(CELLS))
@pytest.mark.parametrize(
    ("num_layers", "k", "position"), [(1, 1, "every"), (1, 4, "every"), (2, 3, "every"), (2, 3, "last"), (2, 9, "last")]
)
def test_a_window_gives_each_loss_its_latest_states(cell, options, num_layers, k, position):
    model, inputs = make_model(cell, options, num_layers=num_layers), inputs_for()
    totals, grads = unrolled(model, inputs, LOSSES[position], k)
    for path in ("reference", "fast"):
        trace = models.record(model, inputs, LOSSES[position], truncate=k, truncate_kind="window", path=path)
        for layer, recorded in enumerate(trace.layers):
            for part, total in enumerate(recorded.total):
                wanted = torch.stack([totals[layer][t][part] for t in range(T)])
                assert relative_error(true_value(total), wanted) < 1e-10
            h = torch.stack([totals[layer][t][0] for t in range(T)])
            assert torch.allclose(recorded.log_norm, h.norm(dim=-1).log(), rtol=0, atol=1e-9)
        for name, grad in grads.items():
            assert grad.numel() == 0 or relative_error(trace.parameter_grads[f"recurrent.{name}"], grad) < 1e-10


def test_a_window_as_long_as_the_sequence_is_full_bptt():
    model, inputs = make_model("lstm", {}, num_layers=2), inputs_for()
    full = models.record(model, inputs, LOSSES["every"])
    window = models.record(model, inputs, LOSSES["every"], truncate=100, truncate_kind="window")
    for a, b in zip(full.layers, window.layers, strict=True):
        assert torch.allclose(a.log_norm, b.log_norm, rtol=0, atol=1e-12)
        for mine, theirs in zip(a.grad_start, b.grad_start, strict=True):
            assert relative_error(true_value(theirs), true_value(mine)) < 1e-12


def test_padding_gets_nothing_from_a_window():
    model, inputs, lengths = make_model("gru", {"reset_after": True}), inputs_for(), [9, 4, 6]
    both = models.record(
        model, inputs, lambda y: (y[3] ** 2).sum(), lengths=lengths, truncate=2, truncate_kind="window"
    )
    for b, length in enumerate(lengths):
        alone = models.record(
            model, inputs[:length, b : b + 1], lambda y: (y[3] ** 2).sum(), truncate=2, truncate_kind="window"
        )
        assert torch.allclose(both.log_norm[0, :length, b], alone.log_norm[0, :, 0], rtol=0, atol=1e-10)
        assert both.log_norm[0, length:, b].isnan().all()


@pytest.mark.parametrize("decades", [-400, 400])
def test_gradients_beyond_their_dtype_are_added(decades):
    model, inputs = make_model("elman", {"nonlinearity": "identity"}), torch.zeros(60, 2, 3, dtype=torch.float64)
    with torch.no_grad():
        model.recurrent.bias_ih_l0.zero_()
        model.recurrent.bias_hh_l0.zero_()
        model.recurrent.weight_hh_l0.copy_(10.0 ** (decades / 40) * torch.eye(5))
    trace = models.record(model, inputs, LOSSES["every"], truncate=40, truncate_kind="window")
    ordinary = models.record(model, inputs, LOSSES["every"], truncate=1, truncate_kind="window")
    # h_0 hears the losses at 0 … 39: the largest has come 39 steps (or none).
    steps = 39 if decades > 0 else 0
    expected = ordinary.direct_log_norm[0, steps] + steps * decades / 40 * np.log(10)
    assert torch.allclose(trace.log_norm[0, 0], expected, rtol=0, atol=1e-6)


def test_the_error_of_blocks_and_of_a_window():
    """One tanh network, H = 32, T = 60, k = 10, a loss at every step: 9.1 % with blocks, .32 % with a window."""
    model = models.SequenceModel("elman", 1, 32, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    inputs = torch.randn(60, 16, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def error(**truncation):
        full, cut = (
            models.record(model, inputs, lambda y: (y**2).mean(), **how).parameter_grads["recurrent.weight_hh_l0"]
            for how in ({}, truncation)
        )
        return float((cut - full).norm() / full.norm())

    assert error(truncate=10, truncate_kind="window") < 0.1 * error(truncate=10)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_credit_under_a_window_sums_to_the_recorded_gradient(num_layers):
    model, inputs, k = make_model("lstm", {}, num_layers=num_layers), inputs_for(), 3

    def losses(outputs):
        return (outputs**2).sum(dim=-1)

    trace = models.record(model, inputs, lambda y: losses(y).mean(), truncate=k, truncate_kind="window")
    found = credit(trace.stack.above(0), direct_gradients(model, trace, losses))
    total = found.total * np.exp(found.total_log_scale)[..., None]
    assert np.allclose(total, true_value(trace.layers[0].total[0]).numpy(), rtol=1e-9, atol=1e-14)
    t, state = np.nonzero(found.median > -np.inf)
    assert set(t - state) == {0, 1, 2}


def test_a_bidirectional_network_takes_blocks():
    model = make_model("elman", {"nonlinearity": "tanh"}, bidirectional=True)
    with pytest.raises(ValueError, match="a bidirectional network can use blocks only"):
        models.record(model, inputs_for(), LOSSES["last"], truncate=3, truncate_kind="window")
    with pytest.raises(ValueError, match="truncate_kind was 'sliding'; it must be blocks or window"):
        models.record(make_model("gru", {}), inputs_for(), LOSSES["last"], truncate=3, truncate_kind="sliding")
