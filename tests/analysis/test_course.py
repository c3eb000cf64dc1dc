"""What a gradient does, decided on curves whose answer is known, and the words for it."""

import math

import numpy as np
import pytest

from analysis.course import course, describe_course, describe_sizes
from analysis.profile import fit_decay, horizon_lag
from analysis.straight import bends, straight_span

LN_10 = math.log(10)
LAG = np.arange(100.0)
FORGET_GATE = LN_10 * (np.interp(LAG, [0, 1, 30, 99], [-1.07, -2.0, -2.5, -2.5]) + 0.88 * (LAG / 99) ** 3)
"""Near the preset of that name: falls from .085 to .003, and rises to .024, ever faster."""


@pytest.mark.parametrize(
    ("log10", "kind", "words"),
    [
        (-0.1 * LAG, "vanishes", "vanishes: below 10⁻⁷ of its size from lag 71 on, 1.3×10⁻¹⁰ of it at lag 99"),
        (-0.05 * LAG, "vanishes", "vanishes: 1.1×10⁻⁵ of its size at lag 99"),
        (-0.02 * LAG, "arrives", "falls from 1 to 0.0105 at lag 99"),
        (0 * LAG, "arrives", "keeps its size, 1 at lag 0 and 1 at lag 99"),
        (0.02 * LAG, "arrives", "rises from 1 to 95.5 at lag 99"),
        (0.05 * LAG, "explodes", "explodes: 8.9×10⁴ times its size at lag 99"),
        (np.where(LAG < 10, 0, -np.inf), "vanishes", "vanishes: exactly zero from lag 10 on"),
        (np.where(LAG < 50, 0.1 * LAG, 10 - 0.15 * LAG), "vanishes",
         "vanishes: first 7.9×10⁴ times its size at lag 49, then 1.4×10⁻⁵ of its size at lag 99"),
        (np.full(100, -np.inf), "zero", "is exactly zero at every timestep"),
        (np.where(LAG == 99, 0, -np.inf), "arrives", "is at lag 99 only"),
        (np.zeros(1), "arrives", "has only one timestep"),
        (np.where(LAG == 7, np.nan, 0), "diverged", "diverges: 1 value is not finite"),
        (np.where(LAG > 97, np.inf, 0), "diverged", "diverges: 2 values are not finite"),
    ],
)  # fmt: skip
def test_each_kind_of_course_and_its_words(log10, kind, words):
    c = course(log10 * LN_10)
    assert c.kind == kind
    assert describe_course(c) == words


def test_a_profile_that_turns_is_described_by_its_turn_and_has_no_single_rate():
    c = course(FORGET_GATE)
    assert describe_sizes(c) == "falls from 0.0851 to 0.00335 at lag 30, then rises to 0.024 at lag 99"
    assert c.kind == "arrives"
    decay = fit_decay(FORGET_GATE)
    assert bends(FORGET_GATE[31:])
    assert decay.rate is None or decay.straight_until - decay.straight_from < 60


@pytest.mark.parametrize("bend", [0.3, 1.0, 3.0])
def test_a_curve_that_bends_has_no_rate_over_all_of_it_and_a_random_walk_has(bend):
    y = -0.03 * LAG + bend * (LAG / 99) ** 2
    start, end = straight_span(y)
    assert (end - start < 98) == bends(y) == (bend > 0.5)
    generator = np.random.default_rng(0)
    walks = [np.cumsum(-0.03 + 0.05 * generator.normal(size=100)) for _ in range(200)]
    assert np.mean([bends(walk) for walk in walks]) < 0.02


def test_a_horizon_is_where_the_gradient_stays_below_and_not_where_it_passes_through():
    dip = np.where((LAG > 20) & (LAG < 60), -20.0, 0.0)
    assert horizon_lag(dip) is None
    assert horizon_lag(np.where(LAG > 80, -20.0, dip)) == 81
    assert course(dip).kind == "arrives"
    assert horizon_lag(np.full(5, np.nan)) is None
