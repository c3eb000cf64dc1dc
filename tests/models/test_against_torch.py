"""Outputs and parameter gradients equal torch.nn's, and state dicts load both ways."""

import pytest
import torch
from oracles import CONFIGURATION_NAMES, CONFIGURATIONS, LOSSES, make_model, relative_error, torch_twin

import models
from models import SequenceModel

WITH_TWIN = [c for c in CONFIGURATIONS if c[1] not in ({"nonlinearity": "identity"}, {"reset_after": False})]


@pytest.mark.parametrize(("cell", "options"), WITH_TWIN, ids=[c[0] + str(c[1]) for c in WITH_TWIN])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("seq_len", "batch_size"), [(1, 5), (2, 1), (37, 5)])
def test_outputs_and_parameter_gradients_equal_torch_nn(cell, options, num_layers, bidirectional, seq_len, batch_size):
    model = make_model(cell, options, num_layers=num_layers, bidirectional=bidirectional)
    inputs = torch.randn(seq_len, batch_size, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    twin = torch_twin(model)
    features, _ = twin(inputs)
    outputs = model.readout(features)
    model.zero_grad()
    LOSSES["every"](outputs).backward()

    assert relative_error(model(inputs), outputs) < 1e-12
    wanted = {f"recurrent.{name}": parameter.grad for name, parameter in twin.named_parameters()}
    wanted |= {f"readout.{name}": parameter.grad for name, parameter in model.readout.named_parameters()}
    for path in ("reference", "fast"):
        trace = models.record(model, inputs, LOSSES["every"], path=path)
        assert relative_error(trace.outputs, outputs) < 1e-12
        for name, grad in wanted.items():
            assert relative_error(trace.parameter_grads[name], grad) < 1e-12, name


@pytest.mark.parametrize(("cell", "options"), WITH_TWIN, ids=[c[0] + str(c[1]) for c in WITH_TWIN])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_state_dicts_load_both_ways(cell, options, bidirectional):
    model = make_model(cell, options, num_layers=2, bidirectional=bidirectional, seed=1)
    twin = torch_twin(model)  # loads ours into torch's, strictly
    other = make_model(cell, options, num_layers=2, bidirectional=bidirectional, seed=2)
    other.recurrent.load_state_dict(twin.state_dict())
    assert list(other.recurrent.state_dict()) == list(twin.state_dict())
    for name, value in model.recurrent.state_dict().items():
        assert torch.equal(other.recurrent.state_dict()[name], value)


def test_torch_default_initialisation_has_torch_range():
    model = make_model("lstm", {}, hidden_size=100)
    weights = torch.cat([p.detach().flatten() for p in model.recurrent.parameters()])
    assert weights.abs().max() <= 0.1
    assert weights.abs().max() > 0.0999
    assert abs(weights.std() - 0.1 / 3**0.5) < 0.001


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
def test_recorded_states_and_gates_follow_the_last_layer(record, cell, options):
    model = make_model(cell, options, num_layers=2, bidirectional=True)
    inputs = torch.randn(7, 4, 3, dtype=torch.float64)
    trace = record(model, inputs, LOSSES["last"])
    assert trace.hidden.shape == (4, 7, 4, 5)
    top = torch.cat([trace.hidden[2], trace.hidden[3]], dim=-1)
    assert torch.allclose(trace.outputs, model.readout(top))
    assert list(trace.gates) == {"elman": [], "lstm": ["i", "f", "g", "o"], "gru": ["r", "z", "n"]}[cell]
    if cell == "lstm":
        before = torch.cat([torch.zeros_like(trace.cell_state[:1, :1]), trace.cell_state[:1, :-1]], dim=1)
        g = {name: value[:1] for name, value in trace.gates.items()}
        assert torch.allclose(g["f"] * before + g["i"] * g["g"], trace.cell_state[:1])
        assert torch.allclose(g["o"] * torch.tanh(trace.cell_state[:1]), trace.hidden[:1])


@pytest.mark.parametrize("field", ["input_size", "hidden_size", "output_size", "num_layers"])
@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_1_is_named(field, size):
    sizes = {"input_size": 2, "hidden_size": 3, "output_size": 1, "num_layers": 1, field: size}
    with pytest.raises(ValueError, match=rf"^{field} was {size}; it must be a whole number of at least 1\.$"):
        SequenceModel("gru", **sizes)
