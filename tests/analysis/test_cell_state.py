"""The cell state over time: ‖c_t‖ and ‖dL/dc_t‖ against the explicit loop, in the picture, in tables and in CSV."""

import csv
import io
import json
import math

import numpy as np
import pytest
import torch
from oracles import autograd_loop, last_step_loss, make_model

from analysis.cell_state import cell_state_profile
from analysis.figures.cell_state import cell_gradient_picture, cell_size_picture
from analysis.wording import power_of_ten
from experiments.commands.command_line import print_csv
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from experiments.probing.summary import summary
from experiments.probing.table import figures
from models import record

T, B = 12, 3


@pytest.mark.parametrize("cell", ["lstm", "peephole_lstm", "lstm_1997"])
def test_both_sizes_are_those_of_the_explicit_loop(cell):
    model = make_model(cell, {})
    inputs = torch.randn(T, B, model.recurrent.input_size, dtype=torch.float64)
    found = cell_state_profile(record(model, inputs, last_step_loss).top)
    states = autograd_loop(model, inputs, last_step_loss).states[-1]
    size = torch.stack([c.detach().norm(dim=-1).log() for _, c in states]).numpy()
    grad = torch.stack([c.grad.norm(dim=-1).log() for _, c in states]).numpy()
    for spread, wanted in ((found.log_size, size), (found.log_norm, grad)):
        low, median, high = np.quantile(wanted, (0.1, 0.5, 0.9), axis=1)
        assert np.allclose(spread.median, median, atol=1e-9)
        assert np.allclose(spread.low, low, atol=1e-9)
        assert np.allclose(spread.high, high, atol=1e-9)
    assert found.lag.tolist() == [*range(T - 1, -1, -1)]


def test_sequences_of_unequal_lengths_end_together():
    model = make_model("lstm", {})
    inputs = torch.randn(T, B, model.recurrent.input_size, dtype=torch.float64)
    lengths = torch.tensor([T, 7, 5])
    trace = record(
        model, inputs, lambda outputs: sum(outputs[n - 1, b].sum() for b, n in enumerate(lengths)), lengths=lengths
    )
    found = cell_state_profile(trace.top)
    alone = [cell_state_profile(trace.top.sequence(b)) for b in range(B)]
    assert [len(one.t) for one in alone] == lengths.tolist()
    assert found.log_norm.median[-1] == pytest.approx(np.median([one.log_norm.median[-1] for one in alone]))
    first = cell_state_profile(trace.top.sequence(0))
    assert found.log_size.median[0] == first.log_size.median[0], "before the others begin, only the longest is there"


def test_a_cell_whose_state_is_h_alone_has_none_and_its_tables_say_nothing_of_it():
    elman, lstm = (probe(RunConfig(cell=cell, seq_len=10, hidden_size=4, batch_size=2)) for cell in ("elman", "lstm"))
    assert cell_state_profile(elman.trace.top) is None
    assert summary(elman)["cell_state"] is None
    assert not any("c_t" in row for row in figures(elman))
    assert {"profile, ‖dL/dc_t‖", "‖c_t‖ at the loss"} <= {*figures(lstm)}
    numbers = json.loads(json.dumps(summary(lstm)["cell_state"]))
    assert numbers["log_norm_last"] == lstm.cell_state.log_norm.median[-1]
    text = io.StringIO()
    print_csv(text, [elman, lstm])
    first, *_, last = csv.DictReader(text.getvalue().splitlines())
    assert first["cell_log_norm_median"] == first["cell_state_log_size_high"] == ""
    assert float(last["cell_log_norm_median"]) == lstm.cell_state.log_norm.median[-1]
    alone = io.StringIO()
    print_csv(alone, [elman])
    assert "cell_log" not in alone.getvalue()


def test_the_pictures_draw_the_medians_and_download_all_quantiles():
    model = make_model("lstm", {})
    found = cell_state_profile(record(model, torch.randn(T, B, 3, dtype=torch.float64), last_step_loss).top)
    gradient, size = cell_gradient_picture({"lstm": found}), cell_size_picture({"lstm": found})
    for picture, spread in ((gradient, found.log_norm), (size, found.log_size)):
        (line,) = (trace for trace in picture.figure.data if trace.name == "LSTM")
        assert np.allclose(line.y, spread.median / math.log(10))
        low, high = (next(v for name, v in picture.columns.items() if name.endswith(q)) for q in ("10%", "90%"))
        assert (low, high) == (spread.low.tolist(), spread.high.tolist())
    assert power_of_ten(float(found.log_norm.median[0] - found.log_norm.median[-1]) / math.log(10)) in gradient.alt
    assert line.customdata[-1] in size.alt
