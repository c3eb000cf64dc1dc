"""Gate statistics on values made by hand, and on recorded passes whose gates are known."""

import math

import numpy as np
import pytest
import torch
from oracles import last_step_loss, make_model, with_arrays

from analysis.gates import gate, gate_statistics, time_constants
from models import record
from models.networks.initialise import set_gate_bias_


def recorded(cell, **keywords):
    model = make_model(cell, {}, **keywords)
    inputs = torch.randn(12, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return model, record(model, inputs, last_step_loss)


def test_fractions_and_means_of_a_gate_made_by_hand():
    values = np.full((4, 2, 5), 0.5)
    values[0] = 0.05  # one timestep of four closed
    values[:, :, 1] = 0.95  # one unit of five open throughout
    g = gate(values)
    assert g.closed == pytest.approx(1 / 4 * 4 / 5)
    assert g.open == pytest.approx(1 / 5)
    assert g.saturated == pytest.approx(0.4)
    assert g.mean == pytest.approx(values.mean())


def test_candidates_saturate_where_their_slope_does():
    a = np.linspace(-4, 4, 2001)[:, None, None]
    tanh, sigmoid = np.tanh(a / 2), 1 / (1 + np.exp(-a))
    assert gate(tanh, signed=True).closed == gate(sigmoid).closed
    assert gate(tanh, signed=True).open == gate(sigmoid).open
    edge = np.array([-0.81, -0.79, 0.79, 0.81])[:, None, None]
    assert (gate(edge, signed=True).closed, gate(edge, signed=True).open) == (0.25, 0.25)


@pytest.mark.parametrize(("cell", "keep"), [("lstm", "f"), ("gru", "z"), ("peephole_lstm", "f"), ("mut1", "z")])
def test_time_constant_of_a_set_bias(cell, keep):
    model, _ = recorded(cell)
    for parameter in model.recurrent.parameters():
        parameter.data.zero_()
    set_gate_bias_(model.recurrent, keep, -3.0 if cell == "mut1" else 3.0)  # a MUT's z near 0 keeps
    trace = record(model, torch.zeros(12, 3, 3, dtype=torch.float64), last_step_loss)
    constants = gate_statistics(trace.top).time_constants
    expected = -1 / math.log(1 / (1 + math.exp(-3)))  # 20.6 steps
    assert constants.gate == keep
    assert constants.overall == pytest.approx(expected)
    assert constants.of_unit == pytest.approx(np.full(5, expected))


def test_a_units_time_constant_is_that_of_its_product():
    f = np.random.default_rng(0).uniform(0.2, 0.99, size=(50, 1, 3))
    constants = time_constants("f", f)
    assert np.exp(-50 / constants.of_unit) == pytest.approx(f.prod(axis=0)[0])
    shut_and_open = time_constants("f", np.array([[[0.0, 1.0, 0.5]]]))
    assert shut_and_open.of_unit.tolist() == [0, math.inf, pytest.approx(1 / math.log(2))]
    assert shut_and_open.overall == 0


def test_recorded_gates_come_in_torch_order_from_the_asked_layer():
    _, trace = recorded("lstm", num_layers=2, bidirectional=True)
    statistics = gate_statistics(trace.layers[1])
    assert list(statistics.gates) == list("ifgo")
    assert statistics.gates["f"].mean == pytest.approx(trace.gates["f"][1].mean().item())
    assert gate_statistics(trace.top).gates["o"].mean == pytest.approx(trace.gates["o"][2].mean().item())
    assert statistics.reason is None


def test_no_gates_and_diverged_gates_say_so():
    _, trace = recorded("elman")
    assert gate_statistics(trace.top).gates == {}
    assert gate_statistics(trace.top).time_constants is None
    assert "no gates" in gate_statistics(trace.top).reason
    _, trace = recorded("gru")
    broken = {name: g.clone() for name, g in trace.gates.items()}
    broken["z"][0, 5] = torch.nan
    statistics = gate_statistics(with_arrays(trace, gates=broken).top)
    assert "not finite" in statistics.reason
    assert math.isnan(statistics.gates["z"].open)
    assert math.isfinite(statistics.gates["r"].open)
