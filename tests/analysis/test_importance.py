"""How much a setting matters: known answers, and what the bars and the parallel axes draw."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures.importance import importance_picture
from analysis.figures.parallel import parallel_picture
from analysis.importance import FEWEST_RUNS, Importances, importances
from analysis.wording import percent

RUNS = [*itertools.product((0.1, 1.0, None), ("elman", "gru"), range(3))]
SETTINGS = {name: [run[k] for run in RUNS] for k, name in enumerate(("clip", "cell", "seed"))}


def effect(clip, cell, seed):
    return {0.1: 0.0, 1.0: 2.0, None: 5.0}[clip] + 0.5 * (cell == "gru") + 0.01 * seed


VALUES = np.array([effect(*run) for run in RUNS])


def test_settings_come_in_the_order_of_their_effects():
    found = importances(SETTINGS, VALUES)
    assert found.settings == ("clip", "cell", "seed")
    assert found.share[0] > 0.9 > 0.05 > found.share[1] > found.share[2]
    assert found.share.sum() == pytest.approx(1)
    assert found.explained > 0.8
    assert found.runs == 18


def test_a_setting_that_acts_only_with_another_matters():
    both = np.array([float((clip == 0.1) != (cell == "gru")) for clip, cell, _ in RUNS if clip is not None])
    settings = {
        name: [v for v, run in zip(given, RUNS, strict=True) if run[0] is not None] for name, given in SETTINGS.items()
    }
    found = importances(settings, both)
    shares = dict(zip(found.settings, found.share, strict=True))
    assert min(shares["clip"], shares["cell"]) > 3 * abs(shares["seed"])


def test_runs_without_a_value_and_settings_that_do_not_vary_are_left_out():
    values = VALUES.copy()
    values[0], values[1] = np.nan, np.inf
    found = importances({**SETTINGS, "steps": [100] * len(RUNS)}, values)
    assert found.runs == 16
    assert "steps" not in found.settings


@pytest.mark.parametrize(
    "values", [VALUES[: FEWEST_RUNS - 1], np.full(18, 3.0), np.full(18, np.nan)], ids=["few", "equal", "none"]
)
def test_too_little_says_nothing(values):
    assert importances({name: given[: len(values)] for name, given in SETTINGS.items()}, values) is None


def test_the_bars_are_the_shares_and_the_title_names_the_first():
    found = importances(SETTINGS, VALUES)
    picture = importance_picture(found, "loss", lambda name: f"the {name}")
    (bars,) = picture.figure.data
    assert bars.x.tolist() == (100 * found.share).tolist()  # percent
    assert picture.figure.layout.title.text == "The clip matters most"
    assert bars.customdata[0] == f"{percent(found.share[0])} ± {percent(found.spread[0])}"


@pytest.mark.parametrize("log", [False, True])
def test_every_run_is_a_line_from_its_settings_to_its_result(log):
    values = VALUES.copy()
    values[3] = np.nan
    picture = parallel_picture(SETTINGS, "loss", values, log=log)
    drawn = np.isfinite(values) & ((values > 0) | (not log))
    (lines,) = picture.figure.data
    clip, cell, seed, loss = lines.dimensions
    assert clip.ticktext == ("0.1", "1", "none")
    assert cell.ticktext == ("Elman", "GRU")
    assert np.allclose(loss["values"], np.log10(values[drawn]) if log else values[drawn], rtol=1e-12)
    assert np.array_equal(seed["values"], np.array(SETTINGS["seed"])[drawn])
    assert len(picture.columns["loss"]) == 18, "also those that are not drawn"
    assert ("largest 5.52 with clip none, cell gru, seed 2") in picture.alt
    assert not any("e-" in text or "e+" in text for text in loss.ticktext)


def test_runs_of_which_none_has_a_value_are_a_picture_that_says_so():
    picture = parallel_picture(SETTINGS, "loss", np.full(18, np.nan))
    assert picture.alt == "No run has a value of loss yet."
    assert "18 runs without a value are not drawn" in picture.sentence


def test_more_runs_than_can_be_told_apart_are_said_to_be_left_out_not_to_have_no_value():
    picture = parallel_picture({"seed": [*range(2500)]}, "loss", np.arange(2500.0))
    assert "without a value" not in picture.sentence
    assert "Only the first 2,000 of 2,500 runs with a value are drawn." in picture.sentence


@pytest.mark.parametrize("scale", [1e308, 1e200, 1e-310])
def test_diverged_losses_have_the_importances_of_their_shape(scale):
    values = VALUES / VALUES.max() * scale
    found, plain = importances(SETTINGS, values), importances(SETTINGS, VALUES)
    assert found.settings == plain.settings
    assert found.share == pytest.approx(plain.share, abs=0.01)


def test_values_as_far_apart_as_float64_can_hold_have_ticks():
    picture = parallel_picture(SETTINGS, "loss", np.where(VALUES > 2, 1.7e308, -1.7e308))
    at = picture.figure.data[0].dimensions[-1].tickvals
    assert np.isfinite(at).all()
    assert len(set(at)) == len(at) >= 4


@pytest.mark.parametrize("log", [False, True])
@given(low=st.floats(1e-9, 1e9), share=st.floats(1e-6, 1e6))
def test_the_axis_of_the_results_ends_in_ticks_on_both_sides_of_all_lines(log, low, share):
    """A line beyond its axis cannot be read."""
    values = np.array([low, low * (1 + share)])
    last = parallel_picture({"seed": [0, 1]}, "loss", values, log=log).figure.data[0].dimensions[-1]
    bottom, top = last["range"]
    assert bottom <= min(last["values"]) < max(last["values"]) <= top
    assert 2 <= len(last.tickvals) <= 12


def test_no_bar_reaches_beyond_all_or_nothing():
    share, spread = np.array([0.98, 0.02, 0.0]), np.array([0.15, 0.15, 0.0])
    picture = importance_picture(Importances(("clip", "cell", "seed"), share, spread, 0.9, 18), "loss", str)
    (bars,) = picture.figure.data
    assert np.all(bars.x + np.array(bars.error_x.array) <= 100 + 1e-9)
    assert np.all(bars.x - np.array(bars.error_x.arrayminus) >= -1e-9)


@pytest.mark.parametrize(("lowest", "both"), [(-1.0, False), (0.1, False), (-0.2, True)])
def test_zero_is_grey_only_between_values_of_both_signs(lowest, both):
    values = np.linspace(lowest, lowest + 0.5, 18)
    (lines,) = parallel_picture(SETTINGS, "rate", values, diverging=True).figure.data
    assert (lines.line.cmin is not None) is both
