"""On a narrow page the charts of a row stand one below the other, none over another, with the same traces."""

import itertools

import numpy as np
import pytest

from analysis.figures.picture import Picture
from analysis.figures.stacked import BETWEEN, stacked
from analysis.figures.theme import grid


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_rows_charts_are_stacked_where_the_page_is_narrow(count):
    titles = [f"chart {k}" for k in range(count)]
    made = grid("a row", 340, 1, count, subplot_titles=titles)
    for k in range(count):
        made.add_scatter(x=[1, 2], y=[k, 1], row=1, col=k + 1)
    narrow = stacked(Picture("row", made, "", "")).figure.layout.meta["narrow"]
    numbers = ["", *map(str, range(2, count + 1))]
    domains = [narrow[f"yaxis{number}"]["domain"] for number in numbers]
    assert all(narrow[f"xaxis{number}"]["domain"] == [0, 1] for number in numbers)
    drawn = narrow["height"] - 64 - 48
    gaps = [(above[0] - below[1]) * drawn for above, below in itertools.pairwise(domains)]
    assert np.allclose(gaps, BETWEEN), "room for a title and an axis's name"
    assert domains[0][1] == 1
    assert domains[-1][0] == pytest.approx(0)
    assert np.allclose([(top - bottom) * drawn for bottom, top in domains], 340 - 64 - 48), "each as high as before"
    assert [(title["text"], title["y"]) for title in narrow["annotations"]] == [
        (text, top) for text, (_, top) in zip(titles, domains, strict=True)
    ]
    assert narrow["yaxis"]["range"] is not None, "its axes have the ranges of the wide one"
