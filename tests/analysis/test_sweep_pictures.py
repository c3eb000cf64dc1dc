"""The pictures of the page Sweeps while their tables have gaps, and what they say of themselves."""

import numpy as np
import pytest

from analysis.figures.sweep import MOST_TICKS, decades, scale, sweep_picture, ticks
from analysis.figures.sweep_panel import Heatmap, Side, crossing
from analysis.figures.sweep_row import NO_PROFILE, row_picture


def test_a_row_without_a_profile_is_an_empty_frame_that_says_so():
    picture = row_picture("GRU", [])
    assert picture.figure.layout.title.text == picture.alt == NO_PROFILE
    assert not picture.figure.data
    assert picture.csv().splitlines() == ["run,lag,log_norm"]


def map_of(mean):
    counts = np.full(mean.shape, 2.0)
    return Heatmap("", mean, mean, counts, counts, 0 * counts, 0 * counts)


@pytest.mark.parametrize(
    ("rows", "has_line"),
    [((10, 20, 40), True), (("elman", "gru", "lstm"), False), ((10, None, None), False), ((False, True, None), False)],
)
def test_a_line_of_zeros_crosses_no_names(rows, has_line):
    """Between two names there is no value at which a quantity could be 0."""
    panel, columns = map_of(np.outer([1.0, -1.0, 2.0], [-1.0, 0.5, 1.0])), Side("gain", (0.5, 1.0, 2.0))
    for sides in ((Side("row", rows), columns), (columns, Side("row", rows))):
        picture = sweep_picture([panel], *sides, "rate, per step", "the rate", diverging=True)
        assert ("contour" in [t.type for t in picture.figure.data]) is has_line
        assert ("The thick line is where it crosses 0" in picture.sentence) is has_line


def test_a_line_of_zeros_ends_where_numbers_do():
    columns = Side("truncate", (5, 10, None))
    panel = map_of(np.outer([1.0, 1.0], [-1.0, 1.0, -1.0]))
    made = sweep_picture([panel], Side("gain", (0.5, 1.0)), columns, "rate", "the rate", diverging=True).figure
    (line,) = (t for t in made.data if t.type == "contour")
    assert np.shape(line.z) == (2, 2)
    assert made.layout.xaxis.range == (-0.5, 2.5)


def test_no_and_yes_are_not_crossed_at_a_number():
    assert crossing(map_of(np.array([[-1.0, 1.0]])), Side("biases", (False, True))) is None


def test_a_caption_says_which_statistic_a_cell_is():
    sides = Side("a", (1, 2)), Side("b", (1, 2))
    seen = {
        what: sweep_picture([map_of(np.ones((2, 2)))], *sides, "loss", "the loss", what=what).sentence
        for what in ("mean", "spread", "runs")
    }
    assert seen["mean"].startswith("Each cell is the mean over the seeds that have a value: the loss.")
    assert seen["spread"].startswith("Each cell is the standard deviation over seeds: the loss.")
    assert seen["runs"].startswith("Each cell is how many runs have a value: the loss.")


@pytest.mark.parametrize("n", range(1, 60))
def test_the_first_and_the_last_value_are_written_at_an_axis(n):
    """The last one may lie far from the others, as 2 does after 1.4 and 1.5."""
    at = ticks(n)
    assert (at[0], at[-1]) == (0, n - 1)
    assert len(at) <= MOST_TICKS
    steps = np.diff(at)
    assert np.all(steps[:-1] == steps[:1])
    assert np.all(steps > 0)


def test_cells_at_an_axis_have_their_names():
    assert Side("cell", ("elman", "gru")).texts == ["Elman", "GRU"]


def test_all_of_a_cell_answers_to_the_pointer():
    side = Side("rate", (1.0, 2.0))
    made = sweep_picture([map_of(np.zeros((2, 2)))], side, side, "loss", "the loss").made
    assert (made.layout.hovermode, made.layout.hoverdistance) == ("closest", -1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.186, 0.208], ["0.185", "0.19", "0.195", "0.2", "0.205", "0.21"]),
        ([1e-3, 40.0], ["0.001", "0.01", "0.1", "1", "10", "100"]),
        ([0.19, 0.19], ["0.19"]),
        ([0.19, 0.19 * (1 + 1e-15)], ["0.1", "0.2"]),
    ],
)
def test_a_colour_bar_has_round_numbers_however_near_its_ends_are(values, said):
    bar = scale([decades(np.array([values]))], "loss", False, True)["colorbar"]
    assert bar["ticktext"] == said
    assert len(bar["tickvals"]) == len(said)
