"""The hero's picture: what is drawn of a bound and of numbers that are not finite, and that none is lost beside it."""

import math

import numpy as np
import torch
from oracles import last_step_loss, make_model

from analysis.figures.profile import profile_picture
from analysis.profile import Profile, profile
from models import record


def elman_profile(seq_len: int = 60, at_infinity: int | None = None) -> Profile:
    model = make_model("elman", {})
    inputs = torch.randn(seq_len, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    if at_infinity is not None:
        inputs[at_infinity] = math.inf
    return profile(record(model, inputs, last_step_loss).top)


def test_a_bound_that_proves_nothing_is_drawn_to_10_to_the_8_and_downloaded_whole():
    p = elman_profile()
    bound = p.median[-1] + 3.0 * p.lag  # 3 nats a step: 10^77 times at t = 1
    picture = profile_picture({"elman": p}, {"elman": bound}, "float64")
    (drawn,) = (trace for trace in picture.figure.data if "bound" in trace.name)
    highest = np.nanmax(drawn.y)
    largest = p.high.max() / math.log(10)
    assert largest + 6 < highest <= largest + 8
    assert np.isnan(drawn.y[0])
    assert picture.columns["elman log bound"] == bound.tolist()


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
