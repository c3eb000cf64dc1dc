"""The pictures from a target back to its source say the numbers that they draw."""

import math

import numpy as np
import torch

from analysis.crossing import crossing
from analysis.figures.credit import credit_picture
from analysis.figures.crossing import attention_picture, crossing_picture
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe

SMALL = {
    "task": "reversal",
    "network": "encoder_decoder",
    "cell": "gru",
    "seq_len": 5,
    "hidden_size": 4,
    "batch_size": 3,
}


def probed(**values):
    return probe(RunConfig.from_values({**SMALL, **values}), path="reference")


def test_attention_is_drawn_target_by_source():
    weights = probed(attention="dot").whole.attention[:, 0].numpy()
    picture = attention_picture("gru", weights, "target time", "source time")
    assert np.allclose(np.asarray(picture.figure.data[0].z), 100 * weights, atol=1e-4)
    assert np.isclose(sum(picture.columns["weight"]), 5)
    assert picture.columns["source time"][:5] == [1, 2, 3, 4, 5]


def test_without_attention_nothing_crosses_by_it():
    stacks = probed().whole.stacks
    picture = crossing_picture("gru", crossing(stacks["encoder"], stacks["decoder"]))
    assert "0\xa0% of the gradient crosses by the attention" in picture.figure.layout.title.text
    by_attention = [
        x
        for line, x in zip(picture.columns["line"], picture.columns["log10 of the norm"], strict=True)
        if "att" in line
    ]
    assert by_attention == [-math.inf] * 5


def test_the_credit_of_source_and_target_is_one_matrix_on_one_time_axis():
    result = probed(attention="bahdanau")
    source, target = result.of_stack("encoder").credit, result.credit
    picture = credit_picture("gru", target, source)
    z = np.asarray(picture.figure.data[0].z, float)
    assert z.shape == (5, 10)
    at_once = np.diagonal(target.median)
    assert np.allclose(z[:, 0], (source.median[:, 0] - at_once) / math.log(10), atol=1e-5)
    assert np.allclose(np.diagonal(z[:, 5:]), 0, atol=1e-6)
    assert len(picture.columns["log_norm"]) == 5 * 5 + 15
    assert torch.is_tensor(result.trace.outputs)
