"""Whether a training has learned: one line for every outcome, with the numbers of the step that decides it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.learned import TrainingScalars, diverged_at, learned
from analysis.wording import power_of_ten

STEPS = 300


def training(loss, accuracy=math.nan, log_norm=0.0, rate=0.01, threshold=math.nan, chance=1.0) -> TrainingScalars:
    columns = [np.broadcast_to(np.asarray(values, float), STEPS) for values in (loss, accuracy, log_norm)]
    more = [np.full(STEPS, value) for value in (rate, threshold)]
    return TrainingScalars(np.arange(1, STEPS + 1), *columns, *more, chance)


@pytest.mark.parametrize(
    ("given", "outcome", "words"),
    [
        (training(1.0, 0.25), "at_chance", "at chance: mean loss 1 over 100 steps, a guess has 1"),
        (training(0.7, 0.62), "learning", "learning: 62\xa0% right"),
        (training(0.7), "learning", "learning: mean loss 0.7 over 100 steps, a guess has 1"),
        (training(3.0, 0.2), "worse", "worse than a guess: mean loss 3 over 100 steps, a guess has 1"),
        (training(0.985, 0.3), "at_chance", "at chance: mean loss 0.985 over 100 steps, a guess has 1"),
        (training(0.7, 0.62, chance=math.nan), "begun", "mean loss 0.7 over 100 steps"),
    ],
)
def test_each_outcome_has_its_line(given, outcome, words):
    found = learned(given)
    assert (found.outcome, found.words, found.why) == (outcome, words, "")


def test_a_solved_task_is_said_with_its_step_whatever_the_last_batch_was():
    assert learned(training(9.0), solved=2300).words == "solved at step 2,300"


def test_before_the_first_steps_nothing_is_said_of_learning():
    few = TrainingScalars(np.arange(3), *(np.arange(3.0) for _ in range(5)), chance=1.0)
    assert learned(few).outcome == "begun"
    assert (
        learned(TrainingScalars(np.zeros(0, int), *(np.zeros(0) for _ in range(5)), chance=1.0)).words == "no step yet"
    )


def test_a_divergence_says_its_step_norm_and_rate_what_grew_how_fast_and_what_to_change():
    log_norm = np.zeros(STEPS)
    log_norm[3:9] = np.log(10) * 2.08 * np.arange(1, 7)  # 120 times per step, to 3×10¹² at step 9
    loss = np.ones(STEPS)
    loss[8:] = np.nan
    found = learned(training(loss, log_norm=log_norm, rate=10.0))
    assert found.outcome == "diverged"
    assert found.words == "diverged at step 9: gradient norm 3×10¹², learning rate 10"
    assert found.why.startswith("The gradient's norm grew from 1 at step 1, by a factor of ")
    factor = math.exp((log_norm[8] - log_norm[0]) / 8)
    assert f"{factor:.3g} per step" in found.why
    assert found.why.endswith("Lower the learning rate from 10, or clip the gradient's norm.")
    clipped = learned(training(loss, log_norm=log_norm, rate=10.0, threshold=2.0))
    assert "times the rate, that is 20" in clipped.why


@pytest.mark.parametrize("last", [1e21, math.inf, -math.inf, math.nan])
def test_a_loss_that_is_huge_or_not_finite_has_diverged(last):
    loss = np.ones(STEPS)
    loss[40:] = last
    found = learned(training(loss, log_norm=np.where(np.arange(STEPS) < 40, 0.0, math.nan)))
    assert found.words.startswith("diverged at step 41: gradient norm Inf or NaN")
    assert "Lower the learning rate" in found.why
    unknown = learned(training(loss, chance=math.nan))
    assert unknown.outcome == "diverged"


def test_two_steps_of_one_divergence_are_told_apart():
    loss = np.ones(STEPS)
    loss[2:6], loss[6:] = 1e12, math.nan
    found = learned(training(loss))
    assert found.words.startswith("diverged at step 3:")
    assert "on the loss is over a million times a guess's, and Inf or NaN from step 7 on." in found.why
    loss[6:] = 1e13
    assert "on the loss is over a million times a guess's. " in learned(training(loss)).why


def test_an_evaluation_tells_more_than_the_batches():
    given = training(1.0)
    assert learned(replace(given, evaluation_loss=0.5)).outcome == "learning"
    assert (
        learned(replace(given, evaluation_loss=2.0)).words
        == "worse than a guess: loss 2 on new sequences, a guess has 1"
    )


def test_an_infinite_norm_before_the_loss_was_lost_is_not_the_size_to_which_it_grew():
    log_norm = np.full(STEPS, math.nan)
    log_norm[:8] = math.log(3) * np.arange(8)
    log_norm[8] = math.inf
    why = learned(training(np.where(np.arange(STEPS) < 9, 1.0, math.nan), log_norm=log_norm)).why
    assert why.startswith("The gradient's norm grew from 1 at step 1, by a factor of 3 per step.")


def test_a_loss_that_came_back_has_not_diverged():
    loss = np.ones(STEPS)
    loss[40:50] = 1e21
    assert diverged_at(loss, 1.0) is None
    assert learned(training(loss, 0.25)).outcome != "diverged"


def test_a_training_without_one_finite_number_has_diverged_at_its_first_step():
    found = learned(training(math.nan, log_norm=math.nan))
    assert found.words == "diverged at step 1: gradient norm Inf or NaN, learning rate 0.01"
    assert power_of_ten(math.nan) not in found.words
