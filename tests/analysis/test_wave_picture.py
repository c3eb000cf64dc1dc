"""The wave's rows: which layer and direction each is, and what is left where nothing is, or no number."""

import numpy as np
import torch
from oracles import last_step_loss, make_model

from analysis.figures.wave import wave_picture
from analysis.profile import profile
from models import record


def rows_of(cell="elman", change=None, loss=last_step_loss, **keywords):
    model = make_model(cell, {}, **keywords)
    with torch.no_grad():
        if change is not None:
            change(model.recurrent)
    inputs = torch.randn(12, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, loss)
    return [profile(trace.layers[layer]) for layer in range(len(trace.hidden))]


def test_rows_name_their_layer_and_direction():
    one = wave_picture({"gru": rows_of("gru")}).figure.data[0]
    assert list(one.y) == ["GRU"]
    stacked = wave_picture({"elman": rows_of(num_layers=2)}).figure.data[0]
    assert list(stacked.y) == ["Elman 2", "Elman 1"]
    both = wave_picture({"elman": rows_of(num_layers=2, bidirectional=True)}).figure.data[0]
    assert list(both.y) == ["Elman 2 ←", "Elman 2 →", "Elman 1 ←", "Elman 1 →"]


def test_an_exact_zero_is_drawn_and_said_and_so_is_a_divergence():
    zero = rows_of(change=lambda r: r.weight_hh_l0.fill_(0))
    broken = rows_of(change=lambda r: r.weight_hh_l0.fill_(torch.nan))
    picture = wave_picture({"elman": zero, "lstm": broken, "gru": rows_of("gru")})
    title = picture.figure.layout.title.text
    assert "0 (Elman)," in title
    assert "diverged (LSTM)" in title
    assert "⁻0" not in title
    assert "-0<" not in title
    z = np.asarray(picture.figure.data[0].z, float)
    assert np.isnan(z[0, 0])
    assert np.isnan(z[1, 0])
    marked = {trace.name: trace.z for trace in picture.figure.data[1:]}
    assert marked["exactly zero"][0, 0] == 1
    assert marked["not a number, or infinite"][1, 0] == 1
    only_zero = wave_picture({"elman": zero}).figure.layout.title.text
    assert only_zero == "No gradient reaches the first timestep"


def test_a_title_says_whether_several_losses_send_what_is_left():
    assert str(wave_picture({"elman": rows_of()}).made.layout["title"]["text"]).startswith("What is left")
    every = rows_of(loss=lambda outputs: outputs.square().mean())
    assert str(wave_picture({"elman": every}).made.layout["title"]["text"]).startswith("What all losses leave")
