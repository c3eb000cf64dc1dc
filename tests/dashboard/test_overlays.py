"""The chips of *Also show*: the line is there, or a sentence says why it is not."""

import pytest

from dashboard.explore.explore_frame import draw_profiles
from dashboard.explore.overlays import NO_KEEP_GATE, NONE_HERE, say_idle, say_missing
from dashboard.explore.settings import HEARD, OVERLAYS, Settings
from dashboard.explore.view import record_view


def shown(overlay, **values):
    return record_view(Settings(overlays=(overlay,), **values))


def names(view):
    return [trace["name"] for trace in draw_profiles(view).made.data]


@pytest.mark.parametrize(
    ("overlay", "values"),
    [
        ("bound", {"cells": ("lstm", "gru")}),
        ("mean-field rate", {"cells": ("gru",)}),
        ("mean-field rate", {"cells": ("elman",), "largest_singular_value": 10.0, "nonlinearity": "relu"}),
        ("Lyapunov rate", {"cells": ("lstm",), "hidden_size": 129, "seq_len": 5.0}),
    ],
)
def test_a_line_that_no_cell_has_is_said_to_be_missing(overlay, values):
    view = shown(overlay, **values)
    assert say_missing(view) == NONE_HERE[overlay]
    assert names(view) == names(record_view(Settings(overlays=(), **values)))


@pytest.mark.parametrize(
    ("overlay", "values"),
    [
        ("bound", {"cells": ("elman", "lstm")}),
        ("mean-field rate", {"cells": ("elman", "gru")}),
        ("Lyapunov rate", {"cells": ("lstm",), "hidden_size": 16}),
        ("direct gradient", {"cells": ("gru",)}),
    ],
)
def test_nothing_is_said_where_one_cell_has_the_line(overlay, values):
    view = shown(overlay, **values)
    assert say_missing(view) == ""
    assert len(names(view)) > len(names(record_view(Settings(overlays=(), **values))))


def test_every_chip_is_looked_at():
    assert set(NONE_HERE) == set(OVERLAYS) - {"direct gradient", HEARD}, "every pass of the page has these two"


@pytest.mark.parametrize(
    ("cells", "bias", "said"),
    [(("elman",), 2.0, NO_KEEP_GATE), (("elman", "indrnn"), 2.0, NO_KEEP_GATE), (("elman", "gru"), 2.0, ""),
     (("elman",), 0.0, "")],
)  # fmt: skip
def test_a_slider_that_moves_nothing_is_named(cells, bias, said):
    assert say_idle(record_view(Settings(cells=cells, forget_bias=bias, seq_len=5.0, hidden_size=3))) == said
