"""Any layer and direction of a pass can be looked at: its analyses are those of that layer's own record."""

import numpy as np
import pytest

from analysis.lyapunov import lyapunov
from analysis.profile import profile
from analysis.spectrum import block_spectra
from experiments.config.run_config import RunConfig
from experiments.probing.layer_choice import describe_layer, index_of_layer
from experiments.probing.probe import probe


@pytest.mark.parametrize(
    ("number", "backwards", "layers", "directions", "index"),
    [
        (0, False, 1, 1, None),
        (0, True, 1, 1, None),
        (1, False, 3, 1, 0),
        (3, False, 3, 1, None),
        (9, False, 3, 1, None),
        (1, True, 2, 2, 1),
        (0, True, 2, 2, 3),
        (2, False, 2, 2, None),
    ],
)
def test_a_layer_that_the_network_does_not_have_stands_for_the_top_one(number, backwards, layers, directions, index):
    assert index_of_layer(number, backwards, layers, directions) == index


def test_a_layer_is_said_where_there_are_several():
    assert describe_layer(0, 1, 1) == ""
    assert describe_layer(1, 3, 1) == "layer 2 of 3"
    assert describe_layer(3, 2, 2) == "layer 2 of 2, backwards"
    assert describe_layer(0, 1, 2) == "forwards"


@pytest.mark.parametrize(("number", "backwards"), [(1, False), (1, True), (2, True)])
def test_the_analyses_of_a_pass_are_of_the_layer_that_is_looked_at(number, backwards):
    top = probe(RunConfig(cell="gru", num_layers=2, bidirectional=True, seq_len=40, hidden_size=5, batch_size=3))
    seen = top.of_layer(number, backwards)
    record = top.trace.layers[2 * (number - 1) + backwards]
    assert np.array_equal(seen.profile.median, profile(record).median)
    assert np.isfinite(seen.profile.median).any()
    assert np.isfinite(seen.lyapunov.exponents).all()
    assert np.array_equal(seen.lyapunov.exponents, lyapunov(record).exponents)
    assert seen.spectra.keys() == block_spectra(record.cell).keys()
    assert seen.spectra["n"].spectral_norm == block_spectra(record.cell)["n"].spectral_norm
    assert top.of_layer(2) is top
