"""Every axis of every picture has a range of its own, which holds what is drawn; what cannot be drawn is marked."""

import functools
import itertools
import operator

import numpy as np
import plotly.graph_objects as go
import pytest
from pictured import DATA, pictures_of

from analysis.figures.axes import NOTHING, as_numbers, path_of, set_axes
from analysis.figures.edges import edge_of
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from dashboard.explore.explore_frame import explore_lab
from dashboard.explore.settings import PANEL_NAMES


def axis_of(layout: go.Layout, name: str) -> go.layout.XAxis | go.layout.YAxis:
    return functools.reduce(operator.getitem, path_of(name), layout)


def axes_without_range(figure: go.Figure) -> list[str]:
    return [name for name in used_axes(figure) if not has_range(axis_of(figure.layout, name))]


def has_range(axis) -> bool:
    ends = axis.range
    return ends is not None and None not in ends and ends[0] != ends[1] and axis.autorange is None


def used_axes(figure: go.Figure) -> list[str]:
    names = set()
    for trace in figure.data:
        if trace.type in ("surface", "scatter3d"):
            names |= {f"scene/{side}" for side in "xyz"}
        else:
            names |= {trace.xaxis or "x", trace.yaxis or "y"}
    return sorted(names)


def points_outside(figure: go.Figure) -> list[str]:
    """Traces with a finite point that its axes do not show."""
    outside = []
    for trace, side in itertools.product(figure.data, "xy"):
        if trace.type in ("scatter", "heatmap") and trace[side] is not None:
            axis = axis_of(figure.layout, trace[f"{side}axis"] or side)
            values = as_numbers(trace[side])
            if isinstance(values, list):
                continue
            finite = values[np.isfinite(values) & ((values > 0) | (axis.type != "log"))]
            low, high = sorted(axis.range)
            at = np.log10(finite) if axis.type == "log" else finite
            slack = 1e-6 * (abs(low) + abs(high))
            if ((at < low - slack) | (at > high + slack)).any() and np.abs(at).max() < 1e300:
                outside.append(f"{trace.name} {side} {axis.range}")
    return outside


@pytest.mark.parametrize("name", DATA)
def test_every_axis_has_a_range_that_holds_what_is_drawn(name):
    for picture in pictures_of(DATA[name]):
        assert axes_without_range(picture.figure) == [], picture.name
        if picture.figure.layout.yaxis.range != (-4, 4):  # which is given
            assert points_outside(picture.figure) == [], picture.name


SCENES = {
    "usual": {"seq_len": 12.0, "hidden_size": 3},
    "one timestep": {"seq_len": 1.0, "hidden_size": 3},
    "one unit": {"seq_len": 12.0, "hidden_size": 1, "batch_size": 1},
    "all zero": {"seq_len": 30.0, "hidden_size": 3, "largest_singular_value": 0.0, "loss_position": "last"},
    "diverged": {"seq_len": 400.0, "hidden_size": 3, "largest_singular_value": 3.0, "nonlinearity": "identity",
                 "spectrum_shape": "equal", "cells": ["elman"]},
    "diverged late": {"seq_len": 90.0, "hidden_size": 3, "largest_singular_value": 3.0, "nonlinearity": "identity",
                      "spectrum_shape": "equal", "cells": ["elman"]},
}  # fmt: skip


def explored(scene: str, panel: str) -> dict[str, Picture]:
    frame = explore_lab({**SCENES[scene], "panel": panel, "overlays": ["bound", "direct gradient", "mean-field rate"]})
    return {key: draw() for key, draw in frame.pictures.items()}


@pytest.mark.parametrize("scene", SCENES)
def test_every_chart_of_explore_says_where_its_axes_begin_and_end(scene):
    for panel in PANEL_NAMES:
        for key, picture in explored(scene, panel).items():
            assert axes_without_range(picture.figure) == [], (panel, key)
            assert points_outside(picture.figure) == [], (panel, key)


def test_a_diverged_pass_has_no_line_and_its_marks_lie_at_the_edge():
    hero = explored("diverged", "Wave")["profile"].figure
    assert not np.isfinite(next(t for t in hero.data if t.name == "Elman").y).any()
    marks = [t for t in hero.data if edge_of(t.to_plotly_json())]
    assert [t.name for t in marks] == ["Elman: not a number"]
    assert set(marks[0].y) == {max(hero.layout.yaxis.range)}
    assert hero.layout.yaxis.showticklabels is False  # a scale of nothing would be invented


def test_the_wave_of_a_diverged_pass_is_grey_and_cannot_be_played():
    wave = explored("diverged", "Wave")["wave"]
    assert "play" not in wave.figure.layout.meta
    assert np.nansum(wave.figure.data[1].z) == 400
    assert wave.figure.data[1].name == "not a number, or infinite"
    assert "Grey is not a number" in wave.sentence


def test_exact_zeros_lie_at_the_lower_edge_whatever_the_scale():
    made = lag_picture("lags", "", [LagLine("line", np.arange(3.0), np.array([0.0, -40.0, -np.inf]))], "", "").figure
    marks = next(t for t in made.data if edge_of(t.to_plotly_json()))
    assert (marks.name, marks.x.tolist()) == ("line: exactly zero", [2.0])
    assert marks.y[0] == made.layout.yaxis.range[0] < -40 / np.log(10)


def test_a_chart_without_a_number_says_so():
    made = go.Figure(go.Scatter(x=[1, 2, 3], y=[np.nan] * 3))
    set_axes(made)
    assert [a.text for a in made.layout.annotations] == [NOTHING]
    set_axes(made)
    assert len(made.layout.annotations) == 1
    assert made.layout.xaxis.range == (1, 3)


def test_a_constant_and_a_single_point_lie_in_the_middle():
    for y in ([0.5, 0.5], [0.5]):
        made = go.Figure(go.Scatter(x=list(range(len(y))), y=y))
        set_axes(made)
        low, high = made.layout.yaxis.range
        assert (low + high) / 2 == pytest.approx(0.5)
        assert low < 0.5 < high


def test_bars_that_stand_on_each_other_are_held_and_start_at_zero():
    made = go.Figure([go.Bar(x=["a", "b"], y=[1.0, -2.0]), go.Bar(x=["a", "b"], y=[3.0, -1.0])])
    set_axes(made)
    assert made.layout.xaxis.range == (-0.5, 1.5)
    low, high = made.layout.yaxis.range
    assert low < -3
    assert high > 4


@pytest.mark.parametrize("side", ["x", "y"])
def test_bars_leave_room_for_their_whiskers_of_two_lengths(side):
    other, lying = ("y", "h") if side == "x" else ("x", "v")
    whiskers = {"array": [4.0, 0.0], "arrayminus": [0.5, 3.0]}
    made = go.Figure(go.Bar({side: [1.0, 2.0], other: ["a", "b"], "orientation": lying, f"error_{side}": whiskers}))
    set_axes(made)
    low, high = made.layout[f"{side}axis"].range
    assert low <= -1.0
    assert high >= 5.0
