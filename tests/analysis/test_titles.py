"""Titles of charts of several lines state what is seen: the least and the most, in the chart's own numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures.headline import title_of_step
from analysis.figures.line_ends import LONGEST_TITLE, title_of_ends
from analysis.figures.reach import reach, title_of_lines
from analysis.figures.sweep import sweep_picture
from analysis.figures.sweep_panel import Heatmap, Side
from analysis.figures.training import Lane, lines_picture, norm_picture
from analysis.wording import PERCENT

LONG = "LSTM, learning rate 0.01, clipped at 1, Gaussian gain "
NONE = np.zeros(0)


@pytest.mark.parametrize(
    ("ends", "title"),
    [
        ([("a", 1.0), ("b", 2.0)], "Loss: a 1, b 2"),
        ([(f"{LONG}1", 0.25)], f"Loss: 0.25 ({LONG}1)"),
        ([("Elman, clipped at 1", 1.38), ("Elman", 2.0)], "Loss: 1.38 (Elman, clipped at 1), 2 (Elman)"),
        ([(f"{LONG}1", 1.0), (f"{LONG}2", 0.25), (f"{LONG}3", 3.0)], f"Loss: lowest at the end 0.25 ({LONG}2)"),
        ([(f"{LONG}1", np.inf), (f"{LONG}2", 0.25)], f"Loss: lowest at the end 0.25 ({LONG}2)"),
        ([(f"{LONG}1", np.nan), (f"{LONG}2", np.inf)], f"Loss: lowest at the end ∞ ({LONG}2)"),
        ([(f"{LONG}1", np.nan), (f"{LONG}2", np.nan)], "Loss"),
        ([(f"{LONG}1", 0.25), (f"{LONG}2", 0.25)], "Loss: 0.25 each"),
    ],
)
def test_a_title_has_every_number_or_the_one_that_matters(ends, title):
    assert title_of_ends("Loss", ends, named="lowest at the end") == title
    assert len("Loss: a 1, b 2") <= LONGEST_TITLE < len(f"Loss: {LONG}1 0.25, {LONG}2 1")


def test_the_highest_is_named_where_that_is_wanted():
    ends = [(f"{LONG}1", 0.18), (f"{LONG}2", 0.02)]
    assert title_of_ends("Clipped", ends, lambda share: f"{share:.0%}", "highest") == f"Clipped: highest 18% ({LONG}1)"


@pytest.mark.parametrize(("end", "words"), [(-np.inf, "0"), (np.inf, "∞"), (np.nan, "not a number")])
def test_a_norm_that_is_no_finite_number_is_said_as_what_it_is(end, words):
    norms = np.array([0.0, 0.0, end])
    lane = Lane("run", "#000000", np.arange(3), np.ones(3), 1.0, norms, norms)
    assert norm_picture([lane], {}).figure.layout.title.text == f"Gradient norm: run {words}"


def test_the_share_of_clipped_steps_is_that_of_runs_that_clip():
    norms = np.array([0.0, 1.0])
    lanes = [Lane(name, "#000000", np.arange(2), np.ones(2), 1.0, norms, np.minimum(norms, most))
             for name, most in (("clipped", 0.5), ("unclipped", np.inf))]  # fmt: skip
    made = norm_picture(lanes, {"clipped": 1.0, "unclipped": None})
    assert made.figure.layout.title.text == "Gradient norm; clipped steps: clipped 50\xa0%"


def test_what_is_left_of_several_gradients():
    ended = np.array([0.0, np.log(3), np.nan])
    assert title_of_lines(["a", "b"], [ended, ended - 400]) == ("Gradient at lag 1 ÷ at the loss: 3 each")
    assert title_of_lines(["a", "b"], [ended, np.array([2.0, 2.0, -3000.0])]) == (
        "Gradient at the first timestep ÷ at the loss: 1.8×10⁻¹³⁰⁴ (b) to 3 (a)"
    )
    assert title_of_lines(["a", "b"], [np.array([0.0, -np.inf]), np.array([0.0, np.inf])]) == (
        "Gradient at lag 1 ÷ at the loss: 0 (a) to ∞ (b)"
    )
    assert title_of_lines(["a"], [np.array([0.0, -np.inf])]) == "Gradient at lag 1 ÷ at the loss: 0 (a)"
    for lost in (np.full(3, np.nan), np.full(3, np.inf), np.full(3, -np.inf)):
        assert reach(lost) is None
        assert title_of_lines(["a"], [lost]) == "No line has a gradient with a number"


def test_the_title_of_a_step_reads_back_from_the_loss():
    falls = "The profile falls from 1 to 1×10⁻⁶ at lag 2"
    sizes = np.log([1e-6, 1e-3, 1.0])
    assert title_of_step(sizes, reverse=False) == falls
    assert title_of_step(sizes[::-1], reverse=True) == falls
    assert title_of_step(np.append(sizes, [np.nan, np.nan]), reverse=False) == falls, "a shorter step has ended"
    assert title_of_step(np.full(3, np.nan), reverse=False) == "The profile diverges"
    assert title_of_step(np.array([-np.inf, 0.0]), reverse=False) == "The profile falls from 1 to 0 at lag 1"
    assert title_of_step(np.full(3, -np.inf), reverse=False) == "The profile is exactly zero at every timestep"


def test_the_title_of_a_sweep_says_how_many_cells_have_no_value():
    mean, one = np.array([[1.0, 2.0], [np.nan, 1.0]]), np.ones((2, 2))
    sides = Side("rate", (0.1, 1.0)), Side("length", (10, 20))
    picture = sweep_picture([Heatmap("", mean, mean, one, one, 0 * one, 0 * one)], *sides, "ln of the norm", "the loss")
    assert picture.figure.layout.title.text == (
        "ln of the norm: from 1 to 2 (rate 0.1, length 20); 1 of 4 cells have no value"
    )


def test_the_title_of_a_sweep_says_from_where_to_where_its_values_go():
    def title(*means: object, what: str = "mean") -> str:
        panels = []
        for label, values in zip(["Elman", "LSTM"], means, strict=False):
            mean = np.array(values, float)
            panels.append(Heatmap(label, mean, 10 * mean, 1 + 0 * mean, 1 + 0 * mean, 0 * mean, 0 * mean))
        sides = Side("rate", (0.1, 1.0)), Side("length", (10, 20))
        return sweep_picture(panels, *sides, "final loss", "the loss", what=what).figure.layout.title.text

    assert title([[1, 2], [3, np.nan]], [[0.5, np.inf], [4, 1]]) == (
        "Final loss: from 0.5 (LSTM, rate 0.1, length 10) to 4 (LSTM, rate 1, length 10)"
    )
    assert title([[1, 2], [1, 1]], what="spread") == (
        "Standard deviation of the final loss: from 10 to 20 (Elman, rate 0.1, length 20)"
    )
    assert title([[1, 2], [1, 1]], what="runs") == "Runs with a value of the final loss: 1 everywhere"
    assert title([[1, 1], [1, 1]]) == "Final loss: 1 everywhere"
    assert title(np.full((2, 2), np.nan)) == "Final loss"


@pytest.mark.parametrize(
    ("values", "kind"), [([1.0, 100.0], "log"), ([1.0, 5.0], None), ([0.0, 100.0], None),
                         ([0.0, 1.0, 100.0], "log"), ([-1.0, 100.0], None),
                         ([1.0, np.inf, 1e300, np.nan], "log"), ([np.nan], None), ([], None)]
)  # fmt: skip
def test_lines_over_decades_have_a_logarithmic_axis(values, kind):
    line = ("run", "#000000", "solid", np.arange(len(values)), np.array(values, float))
    axis = lines_picture("name", "title", "size", "", [line], level=1.0).figure.layout.yaxis
    assert axis.type == kind
    low, high = axis.range
    finite = [v for v in values if np.isfinite(v) and (v > 0 or not kind)]
    if finite:
        assert low <= (np.log10(min(finite)) if kind else min(finite))
        assert high >= (np.log10(max(finite)) if kind else max(finite))


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=9))
def test_shares_have_an_axis_of_shares_over_at_least_twenty(shares):
    line = ("run", "#000000", "solid", np.arange(len(shares)), np.array(shares))
    low, high = lines_picture("name", "title", "size", "", [line], unit=PERCENT).figure.layout.yaxis.range
    assert 0 <= low <= min(shares) <= max(shares) <= high <= 100
    assert high - low >= 20


def test_one_share_stands_whole_on_an_axis_that_begins_at_step_0():
    line = ("run", "#000000", "solid", np.array([60]), np.array([100.0]))
    made = lines_picture("name", "title", "size", "", [line], unit=PERCENT).figure
    assert made.layout.yaxis.range == (80.0, 100.0)
    assert made.layout.xaxis.range == (0, 63)
    assert made.data[0].cliponaxis is False
