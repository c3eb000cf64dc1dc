"""The routes of a gradient against autograd with one copy of h_t a gate, and their sum against the recorded total."""

import numpy as np
import pytest
import torch
from oracles import LOSSES, last_step_loss, make_model, with_arrays

from analysis.paths import paths
from models import record

GATED = [("lstm", {}), ("gru", {"reset_after": True}), ("gru", {"reset_after": False})]
GATED_NAMES = ["lstm", "gru-after", "gru-before"]
MORE_GATED = [(cell, {}) for cell in ("peephole_lstm", "lstm_1997", "mut1", "mut2", "mut3", "mingru")]


def recorded(cell, options, loss=last_step_loss, truncate=None, seq_len=9, **keywords):
    model = make_model(cell, options, **keywords)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.mul_(2)
    inputs = torch.randn(seq_len, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return model, record(model, inputs, loss, truncate)


@pytest.mark.parametrize(("cell", "options"), GATED + MORE_GATED, ids=[*GATED_NAMES, *(c for c, _ in MORE_GATED)])
@pytest.mark.parametrize("position", ["last", "every"])
@pytest.mark.parametrize("truncate", [None, 4])
@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (2, False), (2, True)])
def test_routes_sum_to_the_recorded_total_within_1e_10(cell, options, position, truncate, num_layers, bidirectional):
    keywords = {"num_layers": num_layers, "bidirectional": bidirectional}
    _, trace = recorded(cell, options, LOSSES[position], truncate, **keywords)
    has_cell = trace.total_grad_cell is not None
    recorded_total = trace.total_grad_cell if has_cell else trace.total_grad_hidden
    for layer in range(len(trace.hidden)):
        result = paths(trace.layers[layer])
        scale = np.exp(result.log_scale)[..., None]
        total = recorded_total[layer].numpy()
        assert result.target == ("cell_state" if has_cell else "hidden")
        assert np.abs(sum(result.routes.values()) * scale - total).max() < 1e-10 * np.abs(total).max()
        assert np.abs(result.total * scale - total).max() < 1e-14
        alive = np.isfinite(result.total_log_norm)
        assert np.abs(sum(result.share.values()) - 1)[alive].max() < 1e-10
        assert (result.reason is None) == alive.all()


@pytest.mark.parametrize(("cell", "options"), GATED, ids=GATED_NAMES)
def test_each_route_equals_autograd_with_one_copy_of_h_a_gate(cell, options):
    model, trace = recorded(cell, options, LOSSES["every"])
    result = paths(trace.top)
    W_ih, W_hh, b_ih, b_hh = (p.detach() for p in model.recurrent.parameters())
    t = 4
    x, h = trace.inputs[t + 1], trace.hidden[0, t]
    grad_h, scale = trace.total_grad_hidden[0, t + 1], np.exp(result.log_scale[t])[:, None]
    state = h.clone().requires_grad_()
    copies = {name: h.clone().requires_grad_() for name in model.recurrent.cell_type.blocks}

    def preactivation(name):
        k = list(copies).index(name)
        rows = slice(5 * k, 5 * k + 5)
        return x @ W_ih[rows].T + b_ih[rows] + copies[name] @ W_hh[rows].T + b_hh[rows]

    if cell == "lstm":
        c = trace.cell_state[0, t].clone().requires_grad_()
        i, f, g, o = (torch.sigmoid(preactivation(n)) if n != "g" else torch.tanh(preactivation(n)) for n in "ifgo")
        c_after = f * c + i * g
        h_after = o * torch.tanh(c_after)
        own = trace.total_grad_cell[0, t + 1] - grad_h * (o * (1 - torch.tanh(c_after) ** 2)).detach()
        ((h_after * grad_h).sum() + (c_after * own).sum()).backward()
        dh_dc = trace.gates["o"][0, t] * (1 - torch.tanh(trace.cell_state[0, t]) ** 2)
        expected = {"state": c.grad} | {name: dh_dc * copy.grad for name, copy in copies.items()}
    else:
        r, z = torch.sigmoid(preactivation("r")), torch.sigmoid(preactivation("z"))
        rows = slice(10, 15)
        inner = copies["n"] @ W_hh[rows].T + b_hh[rows]
        if options["reset_after"]:
            n = torch.tanh(x @ W_ih[rows].T + b_ih[rows] + r * inner)
        else:
            n = torch.tanh(x @ W_ih[rows].T + b_ih[rows] + (r * copies["n"]) @ W_hh[rows].T + b_hh[rows])
        (((1 - z) * n + z * state) * grad_h).sum().backward()
        expected = {"state": state.grad} | {name: copy.grad for name, copy in copies.items()}
    for name, gradient in expected.items():
        assert np.abs(result.routes[name][t] * scale - gradient.numpy()).max() < 1e-12, name
        assert np.allclose(result.log_norm[name][t], gradient.norm(dim=-1).log().numpy(), rtol=0, atol=1e-9), name


def test_direct_path_of_an_lstm_is_the_product_of_its_forget_gates():
    _, trace = recorded("lstm", {})
    result = paths(trace.top)
    f, last = trace.gates["f"][0], trace.total_grad_cell[0, -1]
    for t in range(9):
        product = f[t + 1 :].prod(dim=0) * last
        assert np.allclose(result.direct_path_log_norm[t], product.norm(dim=-1).log().numpy(), rtol=0, atol=1e-10)
    assert np.abs(result.direct_path_log_norm - result.total_log_norm)[0].max() > 0.1  # and not the whole gradient


def test_direct_path_of_a_gru_in_the_reverse_direction():
    _, trace = recorded("gru", {}, lambda outputs: outputs[0].sum(), bidirectional=True)
    result = paths(trace.layers[1])
    z, first = trace.gates["z"][1], trace.total_grad_hidden[1, 0]
    product = z[:6].prod(dim=0) * first
    assert np.allclose(result.direct_path_log_norm[6], product.norm(dim=-1).log().numpy(), rtol=0, atol=1e-10)


def test_direct_path_stops_at_a_truncation():
    _, trace = recorded("lstm", {}, truncate=4)
    result = paths(trace.top)
    assert np.isneginf(result.direct_path_log_norm[:8]).all()
    assert np.isneginf(result.total_log_norm[:8]).all()
    assert np.isnan(result.share["state"][:8]).all()
    assert "no shares" in result.reason


def test_routes_of_a_gradient_that_no_dtype_holds():
    model, trace = recorded("lstm", {}, seq_len=700)
    model.recurrent.bias_ih_l0.data[5:10] -= 3  # f closes
    trace = record(model, trace.inputs, last_step_loss)
    result = paths(trace.top)
    assert result.total_log_norm[0].max() < -500
    assert np.abs(sum(result.routes.values()) - result.total).max() < 1e-14
    assert np.abs(np.log(np.linalg.norm(result.total, axis=-1)) + result.log_scale - result.total_log_norm).max() < 1e-9


def test_a_direct_gradient_below_the_dtype_is_what_the_others_leave():
    """A lower layer's direct gradient underflows where the layer above has let it vanish."""
    model = make_model("lstm", {}, dtype=torch.float32, num_layers=2)
    inputs = torch.randn(300, 2, 3, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, last_step_loss)
    assert trace.direct_log_norm[0, 0].max() < -105
    result = paths(trace.layers[0])
    recorded_loss = trace.direct_log_norm[0, 0].numpy() + 1  # through h to c it shrinks by o(1 − tanh²)
    assert np.isfinite(result.log_norm["loss"][0]).all()
    assert (result.log_norm["loss"][0] < recorded_loss).all()
    assert (result.log_norm["loss"][0] > recorded_loss - 6).all()


def test_a_cell_without_gates_and_a_diverged_pass():
    _, trace = recorded("elman", {})
    with pytest.raises(ValueError, match="they have no gate that keeps a state"):
        paths(trace.top)
    _, trace = recorded("gru", {})
    broken = trace.grad_hidden.clone()
    broken[0, 3, 1] = torch.nan
    result = paths(with_arrays(trace, grad_hidden=broken).top)
    assert result.reason is not None
    assert np.isnan(result.share["state"][3, 1])


def test_a_subnormal_direct_gradient_is_not_taken_for_the_whole():
    model = make_model("lstm", {}, dtype=torch.float32, num_layers=2, bidirectional=True, hidden_size=8)
    with torch.no_grad():
        for name, parameter in model.recurrent.named_parameters():
            if "weight_hh" in name:
                parameter.mul_(4)
    inputs = torch.randn(250, 2, 3, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, last_step_loss)
    for layer in range(4):
        result = paths(trace.layers[layer])
        alive = np.isfinite(result.total_log_norm)
        assert np.abs(sum(result.share.values()) - 1)[alive].max() < 1e-4
