"""Lesson 9 times this machine: whatever comes out, its words must say that and no other thing."""

from dataclasses import replace
from itertools import product

import pytest

from dashboard.lessons import lesson_09_gru_and_lstm as lesson
from experiments.benchmarks.cells import Race, races

RATIOS = (0.5, 0.85, 1.0, 3.0)


@pytest.fixture(scope="module")
def measured() -> lesson.Measured:
    return lesson.measure()


def with_ratios(measured: lesson.Measured, torch_nn: float, loop: float) -> lesson.Measured:
    base = {"torch.nn": torch_nn, "loop": loop}
    clocks = {track: Race(10 * base[track[0]] + 0.01 * k, 10.0) for k, track in enumerate(measured.clocks)}
    return replace(measured, clocks=clocks)


@pytest.mark.parametrize(("torch_nn", "loop"), list(product(RATIOS, RATIOS)))
def test_words_follow_the_clock(measured, torch_nn, loop):
    m = with_ratios(measured, torch_nn, loop)
    verdict = lesson.decide(m)
    faster = (torch_nn < 0.8) + (loop < 0.8)
    assert verdict.truth == ("false", "half true", "true")[faster]
    assert (verdict.truth == "true") == (not verdict.was_not)
    assert len(verdict.was_true) <= 2
    assert all(s.holds for s in (*verdict.was_true, *verdict.was_not, verdict.why, *verdict.answers))
    replies = {guess: lesson.reply(m, guess) for guess in "abcd"}
    assert [r.outcome for r in replies.values()].count("right") == 1
    assert replies["abcd"[RATIOS.index(torch_nn)]].outcome == "right"
    assert all(r.says.holds for r in replies.values())
    slow = any("is slower" in s.words for s in verdict.was_not)
    assert slow == (max(torch_nn, loop) > 1.2)


def test_races_time_both_cells_on_every_track():
    found = races([("loop", (3, 2, 4)), ("torch.nn", (20, 2, 4))], seconds=0.0)
    assert len(found) == 2
    assert all(r.gru > 0 and r.lstm > 0 and r.ratio == r.gru / r.lstm for r in found)
