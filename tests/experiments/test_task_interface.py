"""Every task, whatever it asks, has the same shapes, losses and randomness."""

import math

import pytest
import torch
from hypothesis import given, settings
from sampling import NAMES, POSITIONS, SIZES, Settings, seeded, task_named

from experiments.errors import ConfigError
from experiments.tasks import Task, delayed_xor, make_task
from experiments.tasks.recall import Recall
from experiments.tasks.sentences import Sentences


def blank_of(task: Task) -> int | None:
    """The class that asks for nothing, if the task has one."""
    return {"delayed_xor": delayed_xor.BLANK}.get(task.name, task.alphabet if isinstance(task, Recall) else None)


def has_ended(task: Task, targets: torch.Tensor, t: int, b: int) -> bool:
    """Whether a sentence's end sign came before."""
    return isinstance(task, Sentences) and task.end in targets[:t, b]


def is_costless(task, targets):
    return torch.zeros_like(targets, dtype=torch.bool) if task.costless is None else targets == task.costless


def is_number(task: Task) -> bool:
    return task.name in TOLERANCES


TOLERANCES = {"adding": 0.08, "multiplication": 0.04, "ball": 0.1, "series": 0.2}
SAMPLED = {"sentiment": 500, "video": 1000, "ball": 2000}
"""Sequences of tasks that take long to make; of the others 10 000."""


def numbers(targets: torch.Tensor, T: int) -> torch.Tensor:
    """Outputs [time, batch, output] that say the targets."""
    return targets.transpose(1, 2) if targets.ndim == 3 else targets.expand(T, -1).unsqueeze(-1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("position", [None, *POSITIONS])
@settings(max_examples=15, deadline=None)
@given(**SIZES)
def test_shapes_and_the_mean_over_the_positions_in_the_loss(name, position, batch_size, seq_len, seed):
    task = task_named(name)
    inputs, targets = task.sample(batch_size, seq_len, seeded(seed))
    T = task.length(seq_len)
    assert inputs.shape == (T, batch_size, task.input_size)
    answers = task.answers(seq_len)
    assert targets.shape in {(batch_size,), (answers, batch_size), (answers, task.output_size, batch_size)}

    outputs = torch.randn(answers, batch_size, task.output_size, generator=seeded(1))
    losses = task.losses(outputs, targets)
    assert losses.shape == (answers, batch_size)
    counted = losses[-1:] if (position or task.default_loss_position) == "last" else losses
    torch.testing.assert_close(task.loss(outputs, targets, position), counted.mean())
    assert math.isfinite(task.chance(seq_len, position))
    assert 0 <= task.dependency(seq_len) < T
    assert task.name == name


@pytest.mark.parametrize("name", NAMES)
def test_losses_equal_a_loop_over_timesteps_and_sequences(name):
    task = task_named(name)
    _, targets = task.sample(3, 6, seeded(), torch.float64)
    outputs = torch.randn(task.answers(6), 3, task.output_size, generator=seeded(1), dtype=torch.float64)
    losses, rights = task.losses(outputs, targets), []
    for t in range(len(outputs)):
        for b in range(3):
            y, target = outputs[t, b].tolist(), (targets if targets.ndim == 1 else targets[t])[..., b].tolist()
            if is_number(task):
                errors = [abs(a - b) for a, b in zip(y, target if targets.ndim == 3 else [target], strict=True)]
                expected = sum(error**2 for error in errors) / len(errors)
                right = all(error < TOLERANCES[name] for error in errors)
            else:
                expected = 0.0 if target == task.costless else math.log(sum(math.exp(logit) for logit in y)) - y[target]
                right = target != task.costless and max(y) == y[target]
            is_asked = target != blank_of(task) and (targets.ndim == 2 or t == len(outputs) - 1)
            is_asked = is_asked and not has_ended(task, targets, t, b) and (name != "ball" or t >= len(outputs) - 10)
            rights += [right] if is_asked else []
            assert losses[t, b].item() == pytest.approx(expected, rel=1e-12)
    assert task.accuracy(outputs, targets, "every") == pytest.approx(sum(rights) / len(rights))


def test_copying_by_blanks_alone_has_none_of_its_symbols_right():
    task = task_named("copying")
    _, targets = task.sample(5, 100, seeded())
    outputs = torch.zeros(120, 5, task.output_size)
    outputs[..., blank_of(task)] = 1
    assert task.correct(outputs, targets).double().mean().item() == pytest.approx(110 / 120)
    assert task.accuracy(outputs, targets) == 0
    outputs[-10:-5] = torch.nn.functional.one_hot(targets[-10:-5], task.output_size).float()
    assert task.accuracy(outputs, targets) == 0.5
    assert task.accuracy(outputs, targets, "last") == 0


@pytest.mark.parametrize("name", ["adding", "multiplication", "temporal_order", "latch", "random_permutation"])
def test_an_answer_that_is_known_at_the_end_is_right_wherever_the_loss_is(name):
    task = task_named(name)
    _, targets = task.sample(6, 20, seeded())
    outputs = torch.full((20, 6, task.output_size), -9.0)
    outputs[-1] = (
        targets[:, None] if is_number(task) else torch.nn.functional.one_hot(targets, task.output_size).float()
    )
    assert task.accuracy(outputs, targets, "every") == task.accuracy(outputs, targets, "last") == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seq_len", [1, 30])
def test_the_accuracy_of_a_guess_is_what_the_best_guess_of_each_timestep_scores(name, seq_len):
    task = task_named(name)
    B = SAMPLED.get(name, 10_000)
    _, targets = task.sample(B, seq_len, seeded())
    T = task.answers(seq_len)
    if is_number(task):
        answers = torch.linspace(-2, 2, 201).view(-1, 1, 1, 1).expand(-1, T, B, 1)
        if name == "ball":  # at half the box's width, the densest place or none
            answers = torch.cat([torch.full_like(answers, 0.5), answers], -1)
        best = max(task.accuracy(answer, targets) for answer in answers)
    else:
        classes = torch.arange(task.output_size).view(-1, 1, 1)
        counts = ((targets.expand(T, B) == classes) & task.asked(targets)).sum(-1)  # [class, time]
        guess = torch.nn.functional.one_hot(counts.argmax(0), task.output_size).float()
        best = task.accuracy(guess.unsqueeze(1).expand(T, B, -1), targets)
    assert best == pytest.approx(task.guess_accuracy(seq_len), abs=0.05 if name in SAMPLED else 0.015)
    assert task.asks


@pytest.mark.parametrize("name", NAMES)
def test_only_the_positions_in_the_loss_get_a_gradient(name):
    task = task_named(name)
    _, targets = task.sample(2, 7, seeded())
    outputs = torch.randn(task.answers(7), 2, task.output_size, generator=seeded(1), requires_grad=True)
    (last,) = torch.autograd.grad(task.loss(outputs, targets, "last"), outputs)
    assert not last[:-1].any()
    assert last[-1].any()
    (every,) = torch.autograd.grad(task.loss(outputs, targets, "every"), outputs)
    costs = ~is_costless(task, targets)[:, 0] if targets.ndim == 2 else torch.ones(len(outputs), dtype=torch.bool)
    assert torch.equal(every.flatten(1).any(dim=1), costs)


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_alone_decides_the_sample(name):
    task = task_named(name)
    torch.manual_seed(1)
    inputs, targets = task.sample(4, 30, seeded(5))
    torch.manual_seed(2)
    global_state = torch.get_rng_state()
    again_inputs, again_targets = task.sample(4, 30, seeded(5))
    assert torch.equal(torch.get_rng_state(), global_state)
    assert torch.equal(inputs, again_inputs)
    assert torch.equal(targets, again_targets)
    generator = seeded(5)
    assert torch.equal(task.sample(4, 30, generator)[0], inputs)
    assert not torch.equal(task.sample(4, 30, generator)[0], inputs)  # the generator moved on


@pytest.mark.parametrize("name", NAMES)
def test_both_dtypes_give_the_same_sequences(name):
    task = task_named(name)
    single, single_targets = task.sample(4, 30, seeded(5), torch.float32)
    double, double_targets = task.sample(4, 30, seeded(5), torch.float64)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert torch.equal(single, double.float())
    torch.testing.assert_close(single_targets, double_targets.to(single_targets.dtype))


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_answer_is_right_and_costs_nothing(name):
    task = task_named(name)
    _, targets = task.sample(4, 12, seeded())
    T = task.answers(12)
    if is_number(task):
        outputs = numbers(targets, T)
    else:
        outputs = 100.0 * torch.nn.functional.one_hot(
            targets.masked_fill(is_costless(task, targets), 0).expand(T, 4), task.output_size
        )
    for position in POSITIONS:
        assert task.loss(outputs, targets, position).item() == pytest.approx(0, abs=1e-6)
        assert task.accuracy(outputs, targets, position) == 1
    assert task.accuracy(outputs.roll(1, dims=-1) + is_number(task), targets) == 0


def test_an_unknown_task_is_one_sentence():
    with pytest.raises(ConfigError, match=r"^task was 'sorting'; it must be one of adding, .*next_character\.$"):
        make_task(Settings("sorting"))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_no_answer_of_a_diverged_network_is_right(number):
    """The largest of many NaN is the first one, which would be the right class for some sequences."""
    task = task_named("temporal_order")
    inputs, targets = task.sample(16, 12, seeded())
    outputs = torch.full((len(inputs), 16, task.output_size), number)
    assert not task.correct(outputs, targets).any()
    outputs = torch.nn.functional.one_hot(targets, task.output_size).expand_as(outputs).float()
    assert task.correct(outputs, targets).all()
