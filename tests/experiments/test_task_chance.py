"""Chance is what the best blind guess scores."""

import math

import pytest
import torch
from sampling import NAMES, POSITIONS, seeded, task_named

from experiments.tasks import LossPosition, Task
from experiments.tasks.adding import Adding
from experiments.tasks.copying import Copying
from experiments.tasks.sentences import Sentences
from experiments.tasks.temporal_order import TemporalOrder


def best_blind_guess(task: Task, seq_len: int, position: LossPosition) -> float:
    """The loss of the best output that differs between timesteps only, fitted to a large sample."""
    B = {"sentiment": 500, "video": 2_000}.get(task.name, 20_000 if task.output_size < 20 else 2_000)
    _, targets = task.sample(B, seq_len, seeded(3), torch.float64)
    T = task.answers(seq_len)
    if targets.is_floating_point():
        guess = targets.mean(-1).reshape(-1, task.output_size).expand(T, -1)
    else:
        # any guess costs nothing where none is asked for
        answered = targets if task.costless is None else targets.masked_fill(targets == task.costless, 0)
        counts = torch.nn.functional.one_hot(answered.expand(T, B), task.output_size).double().mean(dim=1)
        guess = counts.clamp_min(1e-12).log()
    return task.loss(guess.unsqueeze(1).expand(T, B, -1), targets, position).item()


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("seq_len", [1, 2, 13])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "next_character"])
def test_chance_is_what_the_best_blind_guess_scores(name, seq_len, position):
    task = task_named(name)
    assert best_blind_guess(task, seq_len, position) == pytest.approx(
        task.chance(seq_len, position), rel=0.02, abs=0.01 if name == "video" or isinstance(task, Sentences) else 0
    )


@pytest.mark.parametrize("name", ["temporal_order", "copying", "next_character"])
@pytest.mark.parametrize("position", POSITIONS)
def test_all_classes_equally_likely_cost_their_logarithm(name, position):
    task = task_named(name)
    _, targets = task.sample(3, 9, seeded())
    outputs = torch.zeros(task.length(9), 3, task.output_size)
    assert task.loss(outputs, targets, position).item() == pytest.approx(math.log(task.output_size), rel=1e-6)


def test_chance_has_the_numbers_of_the_literature():
    assert Adding().chance(100) == pytest.approx(1 / 6)
    assert Adding().chance(1) == pytest.approx(1 / 3)
    assert TemporalOrder().chance(50) == pytest.approx(1.386, abs=5e-4)
    assert Copying().chance(50) == pytest.approx(0.297, abs=5e-4)
    assert Copying().chance(100) == pytest.approx(0.173, abs=5e-4)
    assert Copying().chance(200) == pytest.approx(0.0945, abs=5e-5)
    assert Copying().chance(200, "last") == pytest.approx(math.log(8))
    assert task_named("next_character").chance(9) == pytest.approx(math.log(4))
    assert task_named("multiplication").chance(100) == pytest.approx(0.0486, abs=5e-5)
    assert task_named("noiseless_memorisation").chance(50) == pytest.approx(10 * math.log(5) / 70)
    for name in ("parity", "latch", "random_permutation"):
        assert task_named(name).chance(50) == pytest.approx(0.693, abs=5e-4)


def test_a_constant_guess_is_right_in_15_percent_of_the_adding_problem():
    _, targets = Adding().sample(50_000, 20, seeded())
    assert Adding().accuracy(torch.ones(1, 50_000, 1), targets) == pytest.approx(0.154, abs=0.005)
