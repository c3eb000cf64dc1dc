"""The hero's picture: what is drawn of a bound and of numbers that are not finite, and that none is lost beside it."""

import math

import numpy as np
import pytest
import torch
from oracles import last_step_loss, make_model

from analysis.figures.among import Among
from analysis.figures.headline import headline
from analysis.figures.profile import Rate, profile_frames, profile_picture
from analysis.figures.theme import cell_name
from analysis.profile import Profile, profile, profile_of_sizes
from models import record
from models.cells.registry import CELLS


def elman_profile(seq_len: int = 60, at_infinity: int | None = None) -> Profile:
    model = make_model("elman", {})
    inputs = torch.randn(seq_len, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    if at_infinity is not None:
        inputs[at_infinity] = math.inf
    return profile(record(model, inputs, last_step_loss).top)


def test_a_bound_that_proves_nothing_is_drawn_to_10_to_the_8_and_downloaded_whole():
    p = elman_profile()
    bound = p.median[-1] + 3.0 * p.lag  # 3 nats per step: 10^77 times at t = 1
    picture = profile_picture({"elman": p}, {"elman": bound}, "float64")
    (drawn,) = (trace for trace in picture.figure.data if "bound" in trace.name)
    highest = np.nanmax(drawn.y)
    largest = p.high.max() / math.log(10)
    assert largest + 6 < highest <= largest + 8
    assert np.isnan(drawn.y[0])
    assert picture.columns["elman log bound"] == bound.tolist()
    assert "Elman's bound ends where it is far above all gradients." in picture.sentence


def test_a_title_about_many_cells_names_the_most_extreme_one_and_counts_the_others():
    log = np.arange(30.0)[:, None]
    sizes = {
        cell: profile_of_sizes(rate * log, rate * log, torch.float64)
        for cell, rate in zip(CELLS, (1.0, 0.9, 3.0, 1.1, 0.0), strict=False)
    }
    third = cell_name([*sizes][2])
    assert headline(sizes, {}) == (
        f"The gradient vanishes: 4 cells, most of all {third} ×1.6×10⁻³⁸; arrives: {cell_name([*sizes][4])} ×1"
    )
    kept = [*sizes][4]
    assert (
        headline({kept: sizes[kept]}, {})
        == f"{cell_name(kept)}: the gradient keeps its size, 1 at lag 0 and 1 at lag 29"
    )
    assert "cells" not in headline({cell: sizes[cell] for cell in [*sizes][:3]}, {}), "few cells are all named"


def test_a_bound_near_the_gradients_is_drawn_whole():
    p = elman_profile()
    picture = profile_picture({"elman": p}, {"elman": p.median + 1}, "float64")
    (drawn,) = (trace for trace in picture.figure.data if "bound" in trace.name)
    assert np.allclose(drawn.y, (p.median + 1) / math.log(10))


def test_a_pass_that_diverged_everywhere_is_drawn_with_its_bound():
    p = elman_profile(seq_len=5, at_infinity=0)
    broken = profile_picture({"elman": p}, {"elman": np.full(5, np.nan)}, "float64")
    assert broken.figure.data
    assert broken.alt


def test_a_step_among_others_marks_exact_zeros_and_what_is_not_a_number_at_the_axis_ends():
    median = np.array([np.nan, -np.inf, 1.0, 2.0, np.nan])  # the last timestep is behind the end of the sequence
    p = profile_of_sizes(median[:, None], np.full((5, 1), np.nan), torch.float32)
    among = Among((1.0, 2.0))
    made = profile_picture({"lstm": p}, {}, "float32", among=among).figure
    bottom, top = made.layout.yaxis.range
    assert bottom < 1 / math.log(10) < 2 / math.log(10) < top
    *_, zero, lost = (trace.y.tolist() for trace in made.data[:5])
    assert zero == pytest.approx([np.nan, bottom, np.nan, np.nan, np.nan], nan_ok=True)
    assert lost == pytest.approx([top, np.nan, np.nan, np.nan, np.nan], nan_ok=True)


def test_the_frames_of_many_steps_are_what_their_own_pictures_draw():
    """So the browser may put any frame in the place of the first traces."""
    steps = np.random.default_rng(0).normal(size=(3, 7, 4)).cumsum(axis=1)  # [step, time, batch]
    steps[1, 2], steps[2, 3:] = -np.inf, np.nan
    made = [profile_of_sizes(step, step, torch.float32) for step in steps]
    among = Among((-4.0, 5.0), every=2)
    frames = profile_frames(*(np.stack([getattr(p, part) for p in made]) for part in ("low", "median", "high")), among)
    for frame, p in zip(frames, made, strict=True):
        drawn = profile_picture({"gru": p}, {}, "float32", among=among).figure.data
        for y, trace in zip(frame, drawn[:5], strict=True):
            assert len(trace.x) == 4
            assert np.allclose(np.asarray(trace.y, float), y, equal_nan=True, atol=1e-6)


def test_the_ticks_of_a_step_among_others_cover_the_axis_of_all():
    made = profile_picture({"elman": elman_profile(3)}, {}, "float64", among=Among((-40.0, 0.0))).made
    ends = Among((-40.0, 0.0)).ends
    assert made.layout["yaxis"]["range"] == ends
    assert "tickvals" not in made.layout["yaxis"], "ticks of this step alone would end where it ends"


def test_a_direct_gradient_at_one_timestep_is_a_point():
    made = profile_picture({"elman": elman_profile()}, {}, "float64", direct=True).made
    (direct,) = [trace for trace in made.data if "direct" in str(trace.get("name"))]
    assert "markers" in direct["mode"]


def test_rates_of_two_kinds_can_be_told_apart():
    rates = {"one": Rate("elman", -0.1, "mean field"), "other": Rate("elman", -0.2, "Lyapunov")}
    made = profile_picture({"elman": elman_profile()}, {}, "float64", rates).made
    assert len({trace["line"]["dash"] for trace in made.data if trace.get("name") in rates}) == 2
