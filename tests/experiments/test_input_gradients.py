"""Which input the loss hears: the recorded gradient, and that of self-attention, whose path has length one."""

import math

import numpy as np
import torch

from analysis.figures.inputs import input_gradients_picture
from experiments.config.run_config import RunConfig
from experiments.probing.input_gradients import attention_log_norm, input_log_norm
from experiments.probing.probe import probe

SMALL = {"hidden_size": 16, "batch_size": 4, "dtype": "float64"}


def probed(**values):
    return probe(RunConfig.from_values({**SMALL, **values}))


def test_an_encoder_decoder_is_heard_over_source_and_target():
    result = probed(task="reversal", network="encoder_decoder", attention="bahdanau", seq_len=6)
    experiment = result.experiment
    inputs = experiment.inputs.clone().requires_grad_()
    (grad,) = torch.autograd.grad(experiment.loss(experiment.model(inputs, experiment.source)), inputs)
    found = input_log_norm(result)
    assert found.shape == (12, 4)
    assert np.allclose(found, grad.norm(dim=-1).log().numpy(), atol=1e-9)


def test_recurrence_vanishes_over_lags_at_which_self_attention_does_not():
    result = probed(task="adding", cell="elman", seq_len=80)
    recurrent = np.median(input_log_norm(result), axis=1)
    attention = np.median(attention_log_norm(result.experiment), axis=1)
    assert recurrent[-1] - recurrent[0] > 15
    assert abs(attention[0] - attention[-2]) < 3  # the last input alone is read by its own output, too
    picture = input_gradients_picture({"elman": input_log_norm(result)}, attention_log_norm(result.experiment))
    assert {*picture.columns["line"]} == {"Elman", "Self-attention", *(f"Elman, sequence {b}" for b in (1, 2, 3, 4))}


def test_every_sequence_has_a_line_of_its_own():
    sizes = np.arange(12.0).reshape(4, 3) * math.log(10)
    sizes[2, 1] = -np.inf
    (each, *_) = input_gradients_picture({"gru": sizes}).figure.data
    drawn = np.append(each.y, np.nan).reshape(3, 5)
    assert np.isnan(drawn[:, 4]).all(), "a gap after each"
    assert np.array_equal(drawn[:, :4], np.where(np.isfinite(sizes), sizes / math.log(10), np.nan).T, equal_nan=True)
    assert np.append(each.x, 5).reshape(3, 5)[:, :4].tolist() == [[1, 2, 3, 4]] * 3
    assert each.customdata[5] == "sequence 2, t = 1: 10"
    many = input_gradients_picture({"gru": np.zeros((400, 64))})
    assert "the first 16 sequences of 64" in many.sentence
