"""A setting that does nothing is said to do nothing, and one that does something is not."""

import pytest
import torch

from experiments.config.run_config import RunConfig
from experiments.config.without_effect import NEEDED, OF_MATRIX, cells_with, say_without_effect, uses
from experiments.probing.probe import probe

GIVEN = {
    "text_file": "pydoc", "seq_len_min": 3, "gain": 2.0, "spectrum_blocks": "f", "truncate_kind": "window",
    "clip_rule": "value", "floss_exponents": 2, "forget_bias": 2.0, "nonlinearity": "relu", "reset_after": False,
    "spectrum_shape": "gaussian",
}  # fmt: skip
"""Values other than the defaults, which nothing here uses."""
BESIDE = {
    "forget_bias": {"cell": "elman"}, "spectrum_blocks": {"cell": "lstm"},
    "gain": {"cell": "gru", "initialisation": "gaussian", "largest_singular_value": 1.5},
    "spectrum_shape": {"cell": "elman", "singular_values": "1,0.9,0.8,0.7"},
}  # fmt: skip
"""Settings beside which one does nothing; for the others it is the cell."""
SMALL = {"seq_len": 6, "hidden_size": 4, "batch_size": 2}


def numbers(config):
    trace = probe(config).trace
    return torch.cat([trace.total_grad_hidden.flatten(), trace.hidden.flatten()])


@pytest.mark.parametrize("name", GIVEN)
def test_a_setting_without_effect_is_named_and_changes_no_number(name):
    cell = next(cell for cell in ("indrnn", "mut1", "lstm_1997") if cell not in cells_with(name))
    plain = RunConfig(**{"cell": cell, **BESIDE.get(name, {}), **SMALL})
    given = plain.model_copy(update={name: GIVEN[name]})
    (sentence,) = say_without_effect([given])
    assert sentence.startswith(f"{name}=")
    if name == "gain":  # another matrix, which its norm makes the same but for rounding
        torch.testing.assert_close(numbers(plain), numbers(given))
    else:
        assert torch.equal(numbers(plain), numbers(given))


def test_every_setting_that_needs_another_is_tried_here():
    assert set(NEEDED) <= set(GIVEN)


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("text_file", {"task": "next_character", "loss_position": "every"}),
        ("gain", {"initialisation": "gaussian"}),
        ("gain", {"cell": "gru", "initialisation": "gaussian", "largest_singular_value": 1.3, "spectrum_blocks": "r"}),
        ("spectrum_blocks", {"cell": "lstm", "largest_singular_value": 1.5}),
        ("spectrum_blocks", {"cell": "lstm", "spectral_radius": 0.7}),
        ("spectrum_shape", {"cell": "lstm"}),
        ("truncate_kind", {"truncate": 2, "loss_position": "every"}),
        ("forget_bias", {"cell": "gru"}),
        ("nonlinearity", {"cell": "elman"}),
        ("reset_after", {"cell": "gru"}),
    ],
)
def test_a_setting_that_changes_the_pass_has_no_note(name, also):
    plain = RunConfig(**{**SMALL, **also})
    given = RunConfig(**{**SMALL, **also, name: GIVEN[name]})
    assert uses(given, name)
    assert say_without_effect([given]) == say_without_effect([plain]) == []
    assert not torch.equal(numbers(plain), numbers(given))


def test_of_several_cells_one_that_uses_it_is_enough():
    given = [RunConfig(cell=cell, nonlinearity="relu") for cell in ("lstm", "elman")]
    assert say_without_effect(given) == []
    assert say_without_effect(given[:1]) == [
        "nonlinearity=relu has no effect here: it needs one of the cells elman, indrnn."
    ]


@pytest.mark.parametrize("cell", ["mingru", "indrnn"])
@pytest.mark.parametrize("name", OF_MATRIX)
def test_nothing_of_a_matrix_acts_on_a_cell_without_one(cell, name):
    value = {"initialisation": "orthogonal", "gain": 3.0, "spectrum_shape": "equal", "singular_values": "1,2,3,4"}
    given = RunConfig(cell=cell, **SMALL).model_copy(update={name: value.get(name, 0.5)})
    assert say_without_effect([given])[0].endswith("has no effect here: it needs a cell with a recurrent matrix.")
    if name not in ("spectrum_blocks", "singular_values"):
        assert torch.equal(numbers(RunConfig(cell=cell, **SMALL)), numbers(given))
