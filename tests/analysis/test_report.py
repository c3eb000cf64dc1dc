"""Analyses, reports and notebooks over what `watch` saw of somebody's own network."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from analysis import (
    credit,
    gate_statistics,
    lyapunov,
    paths,
    product_spectrum,
    profile,
    report,
    step_growth,
    step_jacobians,
)
from analysis.last_loss import last_loss_only
from models import SequenceModel, record, watch


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def watched(module, x, read=lambda out: out[-1].square().sum()):
    with watch(module) as seen:
        out = module(x)[0]
        read(out).backward()
    return seen


@pytest.mark.parametrize(("cell", "make"), [("elman", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_analyses_of_a_watched_layer_equal_those_of_a_recorded_network(cell, make):
    model = SequenceModel(cell, 2, 5, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    module = make(2, 5).double()
    module.load_state_dict(model.recurrent.state_dict())
    x = torch.randn(24, 3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    trace = record(model, x, lambda outputs: outputs[-1].square().sum())
    with watch(module) as seen:
        model.readout(module(x)[0][-1]).square().sum().backward()
    mine, recorded = seen[""].layers[0], trace.layers[0]
    assert math.isclose(profile(mine).decay.rate, profile(recorded).decay.rate, rel_tol=1e-9)
    a, b = (step_jacobians(layer) for layer in (mine, recorded))
    assert abs(a.matrices - b.matrices).max() < 1e-12
    assert abs(lyapunov(mine).exponents - lyapunov(recorded).exponents).max() < 1e-9
    of_both = [product_spectrum(jacobians.matrices[:, 0]).log_singular_values for jacobians in (a, b)]
    assert abs(of_both[0] - of_both[1]).max() < 1e-7
    assert abs(step_growth(mine).step - step_growth(recorded).step).max() < 1e-9
    direct = mine.direct[0].parts[0]
    assert abs(credit((mine,), direct).median[-1, 0] - credit((recorded,), direct).median[-1, 0]) < 1e-9
    if cell != "elman":
        assert math.isclose(
            gate_statistics(mine).time_constants.overall, gate_statistics(recorded).time_constants.overall
        )
        assert paths(mine).share.keys() == paths(recorded).share.keys()


def test_a_report_says_that_a_gradient_vanishes_and_what_to_do():
    rnn = nn.RNN(2, 8)
    with torch.no_grad():
        rnn.weight_hh_l0.mul_(0.1)
    seen = watched(nn.ModuleDict({"memory": rnn})["memory"], torch.randn(60, 4, 2))
    text = str(seen.report())
    assert "the gradient vanishes" in text.lower()
    assert "The sequence goes back over 59 steps." in text
    assert "orthogonal" in text
    assert "per step (−" in text
    assert str(report(seen)) == text


def test_a_loss_at_every_step_does_not_hide_what_vanishes():
    rnn = nn.RNN(2, 8)
    with torch.no_grad():
        rnn.weight_hh_l0.mul_(0.1)
    seen = watched(rnn, torch.randn(60, 4, 2), lambda out: out.square().sum())
    (module,) = seen.report().modules
    assert module.profiles[0].course.kind == "arrives"
    assert [f.kind for f in module.findings] == ["vanishing"]


def test_the_last_loss_alone_is_what_a_loss_at_the_last_step_would_send():
    lstm = nn.LSTM(2, 4, num_layers=2).double()
    x = torch.randn(9, 3, 2, dtype=torch.float64)
    every = watched(lstm, x, lambda out: out.square().sum())[""]
    last = watched(lstm, x)[""]
    assert torch.allclose(last_loss_only(every).top.log_norm, last.top.log_norm, rtol=0, atol=1e-10)
    assert last_loss_only(last) is last


def test_padding_is_no_gradient_and_no_gate():
    lengths = [12, 4, 9]
    gru = nn.GRU(2, 5).double()
    x = torch.randn(12, 3, 2, dtype=torch.float64)
    with watch(gru) as seen:
        _, h_n = gru(pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False))
        h_n.square().sum().backward()
    layer = seen[""].top
    p = profile(layer)
    assert p.diverged == 0
    ends = [layer.log_norm[length - 1, b] for b, length in enumerate(lengths)]
    assert p.median[-1] == sorted(ends)[1]
    assert p.direct[-2] == -math.inf
    with pytest.raises(ValueError, match="several lengths"):
        step_jacobians(layer)
    alone = layer.sequence(1)
    assert alone.inputs.shape == (4, 1, 2)
    assert torch.equal(alone.log_norm[:, 0], layer.log_norm[:4, 1])
    assert step_jacobians(alone).matrices.shape[-2:] == (5, 5)


def test_a_gate_is_not_shut_where_there_is_only_padding():
    lengths = torch.tensor([20, *[1] * 9])  # 85 % of the padded array
    gru = nn.GRU(2, 5)
    with watch(gru) as seen:
        _, h_n = gru(pack_padded_sequence(torch.randn(20, 10, 2), lengths))
        h_n.sum().backward()
    assert {finding.kind for finding in seen.report().modules[0].findings} <= {"vanishing"}


def test_a_diverged_network_is_reported_and_not_raised():
    rnn = nn.RNN(1, 3, nonlinearity="relu")
    with torch.no_grad():
        rnn.weight_hh_l0.fill_(1e6)
    seen = watched(rnn, torch.ones(30, 2, 1))
    (module,) = seen.report().modules
    assert module.findings[0].kind == "diverged"


def test_a_projected_lstm_is_reported():
    seen = watched(nn.LSTM(2, 6, proj_size=3, bidirectional=True), torch.randn(10, 3, 2))
    text = str(seen.report())
    assert "LSTM, 6 units" in text
    assert "layer 1, backwards" in text


def test_what_was_not_seen_is_said_in_the_report():
    seen = watch(nn.ModuleDict({"idle": nn.GRU(2, 3)}))
    seen.close()
    assert str(seen.report()).startswith("'idle', a GRU, was not called while it was watched")


def test_traces_and_reports_show_themselves_in_notebooks():
    seen = watched(nn.GRU(2, 3), torch.randn(8, 2, 2))
    for shown in (seen[""], seen.report()):
        html = shown._repr_html_()
        assert "<table>" in html
        assert "plotly" in html
        assert "dL/dh" in html
