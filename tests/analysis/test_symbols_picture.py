"""The sequence under a chart: what fits is written, what matters goes first, and the row is lit by the gradient."""

from itertools import pairwise

import numpy as np
import pytest

from analysis.figures.inputs import input_gradients_picture
from analysis.figures.symbols import Symbols, loudness, places, with_symbols


def symbols(*texts: str, matters: list[int] | None = None, **heard: np.ndarray) -> Symbols:
    told = np.ones(len(texts), bool) if matters is None else np.isin(np.arange(len(texts)), matters)
    return Symbols(texts, told, heard)


def test_all_that_fits_is_written_and_what_matters_where_it_does_not():
    assert sorted(places(symbols("I", "grew", "up", "in", "Spain"))) == [0, 1, 2, 3, 4]
    assert sorted(places(symbols(*"helloworld" * 12))) == list(range(120))
    crowded = symbols(*["filler"] * 100, matters=[3, 50])
    assert places(crowded) == [3, 50]
    assert places(symbols(*["word"] * 1000))[0] == 0


def test_written_words_do_not_lie_on_each_other():
    rng = np.random.default_rng(0)
    for _ in range(50):
        T, width = int(rng.integers(1, 200)), 60
        made = symbols(*("x" * int(n) for n in rng.integers(1, 9, T)))
        spans = sorted((width * (t + 0.5) / T, len(made.texts[t])) for t in places(made, width))
        for (a, n), (b, m) in pairwise(spans):
            assert b - a >= (n + m) / 2 - 0.1


def test_the_row_is_lit_by_the_size_against_the_largest():
    sizes = np.log([1e-3, 1.0, 1e-9]) + 50
    assert loudness(sizes).tolist() == pytest.approx([-3, 0, -9])
    strange = loudness(np.array([np.nan, -np.inf, np.inf, 2.0]))
    assert np.isnan(strange[:3]).all()
    assert strange[3] == 0


def test_the_picture_keeps_its_lines_and_names_each_step():
    size = np.log(np.array([[1e-4], [1e-2], [1.0]]))
    plain = input_gradients_picture({"elman": size})
    lines = len(plain.figure.data)
    made = with_symbols(plain, symbols("<b>", "y", "z", elman=size[:, 0]))
    assert [*made.figure.layout.meta["symbols"]] == ["<b>", "y", "z"]
    assert made.figure.data[lines].z[0].tolist() == pytest.approx([-4, -2, 0])
    assert made.figure.data[-1].text[0] == "&lt;b&gt;", "a symbol is no markup"
    assert with_symbols(input_gradients_picture({"elman": size}), None).figure.layout.meta is None
