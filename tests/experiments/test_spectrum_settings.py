"""Singular values set one by one, and the gates that the spectrum's settings act on."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from one_sentence import one_sentence

from experiments.config.run_config import ConfigError, RunConfig
from experiments.training.build import build, set_spectrum_
from models.cells.registry import CELLS

H = 5
VALUES = "1.5,0.2,0.9,0.0,0.9"


def blocks(**values: object) -> dict[str, torch.Tensor]:
    """Block → its part of the recurrent matrix, in float64."""
    config = RunConfig.from_values({"hidden_size": H, "dtype": "float64", "seq_len": 3, **values})
    recurrent = build(config).model.recurrent
    return recurrent.cell_type.square_blocks(recurrent.weight_hh_l0.detach())


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.recurrent_blocks])
def test_every_block_has_the_singular_values_that_were_set(cell):
    for block in blocks(cell=cell, singular_values=VALUES).values():
        wanted = torch.tensor([1.5, 0.9, 0.9, 0.2, 0.0], dtype=torch.float64)
        torch.testing.assert_close(torch.linalg.svdvals(block), wanted, atol=1e-12, rtol=0)


def test_a_value_belongs_to_its_pair_of_singular_vectors():
    (before,), (after,) = blocks(cell="elman").values(), blocks(cell="elman", singular_values=VALUES).values()
    U, _, Vh = torch.linalg.svd(before)
    wanted = torch.diag(torch.tensor([1.5, 0.2, 0.9, 0.0, 0.9], dtype=torch.float64))
    torch.testing.assert_close(U.T @ after @ Vh.T, wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize("setting", [{"singular_values": VALUES}, {"spectrum_shape": "equal"}, {}])
def test_only_the_named_gates_change(setting):
    before = blocks(cell="lstm")
    after = blocks(cell="lstm", spectrum_blocks="g,f,z", largest_singular_value=2.0, **setting)
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"f", "g"}
    for name in ("f", "g"):
        assert float(torch.linalg.matrix_norm(after[name], 2)) == pytest.approx(2.0, abs=1e-12)


def test_an_elman_cell_has_no_gates_to_choose():
    assert float(torch.linalg.matrix_norm(
        blocks(cell="elman", spectrum_blocks="f", largest_singular_value=2.0)["h"], 2
    )) == pytest.approx(2.0, abs=1e-12)  # fmt: skip


@given(st.lists(st.floats(0, 100, allow_subnormal=False), min_size=H, max_size=H), st.floats(0, 100))
def test_all_values_are_scaled_to_the_largest_that_is_asked_for(values, largest):
    text = ",".join(map(str, values))
    (block,) = blocks(cell="elman", singular_values=text, largest_singular_value=largest).values()
    wanted = largest if max(values) > 0 else 0.0
    assert float(torch.linalg.matrix_norm(block, 2)) == pytest.approx(wanted, rel=1e-10, abs=1e-10)


def test_a_list_a_text_and_another_spelling_are_one_run():
    spellings = ["1,0.50,0", "1.0,.5,0e3", [1, 0.5, 0.0]]
    assert len({RunConfig.from_values({"singular_values": spelling}).identity() for spelling in spellings}) == 1
    assert RunConfig(spectrum_blocks="g,f").identity() == RunConfig(spectrum_blocks="f,g").identity()


def test_too_few_values_are_one_sentence():
    with pytest.raises(ConfigError, match=r"^singular_values had 2 numbers; it must have 5, one per unit"):
        blocks(cell="elman", singular_values="1,2")


@pytest.mark.parametrize("gain", [1e308, 1e-320])
@pytest.mark.parametrize("setting", [{"largest_singular_value": 1.0}, {"singular_values": VALUES}])
def test_a_gain_that_leaves_no_matrix_is_refused(gain, setting):
    with pytest.raises(
        ConfigError, match=rf"^gain was {re.escape(f'{gain:g}')}; it must give recurrent weights"
    ) as error:
        build(RunConfig.from_values({"hidden_size": H, "initialisation": "gaussian", "gain": gain, **setting}))
    one_sentence(error)


@pytest.mark.parametrize(
    ("setting", "block"),
    [("spectral_radius", [[0.0, 1.0], [0.0, 0.0]]), ("largest_singular_value", [[1e-310, 0.0], [0.0, 0.0]])],
)
def test_a_matrix_that_no_factor_scales_is_refused_in_one_sentence(setting, block):
    config = RunConfig.from_values({"hidden_size": 2, "dtype": "float64", setting: 100})
    with pytest.raises(ConfigError, match=f"^{setting} was 100, which no factor gives") as error:
        set_spectrum_(torch.tensor(block, dtype=torch.float64), config, torch.Generator())
    one_sentence(error)
