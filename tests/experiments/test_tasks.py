"""The tasks are what the papers define, and chance is what the best blind guess scores."""

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.errors import ConfigError
from experiments.tasks import TASKS, LossPosition, Task, make_task
from experiments.tasks.adding import Adding
from experiments.tasks.copying import Copying
from experiments.tasks.next_character import NextCharacter
from experiments.tasks.temporal_order import TemporalOrder
from experiments.tasks.text import Text, load_text

NAMES = [*TASKS]
POSITIONS: list[LossPosition] = ["last", "every"]
SIZES = {"batch_size": st.integers(1, 7), "seq_len": st.integers(1, 64), "seed": st.integers(0, 2**32)}


@dataclass(frozen=True)
class Settings:
    task: str
    text_file: str = "hello"


def task_named(name: str) -> Task:
    return make_task(Settings(name))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def symbols_of(inputs: torch.Tensor) -> list[list[int]]:
    """[batch][time] symbols of one-hot inputs, which must be one-hot."""
    assert ((inputs == 0) | (inputs == 1)).all()
    assert (inputs.sum(-1) == 1).all()
    return inputs.argmax(-1).T.tolist()


# definitions


@given(**SIZES)
def test_adding_target_is_the_sum_of_one_marked_number_in_each_half(batch_size, seq_len, seed):
    inputs, targets = Adding().sample(batch_size, seq_len, seeded(seed), torch.float64)
    assert targets.shape == (batch_size,)
    for b in range(batch_size):
        x, marks = inputs[:, b, 0].tolist(), inputs[:, b, 1].tolist()
        assert all(0 <= value < 1 for value in x)
        assert set(marks) <= {0.0, 1.0}
        if seq_len == 1:
            assert marks == [1]
            assert targets[b].item() == 2 * x[0]
            continue
        assert sum(marks[: seq_len // 2]) == sum(marks[seq_len // 2 :]) == 1
        assert targets[b].item() == sum(value for value, mark in zip(x, marks, strict=True) if mark)


def test_adding_marks_reach_every_place_of_their_half_equally():
    inputs, _ = Adding().sample(20_000, 5, seeded())
    frequency = inputs[..., 1].mean(dim=1)
    torch.testing.assert_close(frequency, torch.tensor([1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3]), atol=0.02, rtol=0)


@given(**SIZES)
def test_temporal_order_class_follows_from_the_two_symbols_in_their_windows(batch_size, seq_len, seed):
    inputs, targets = TemporalOrder().sample(batch_size, seq_len, seeded(seed))
    for symbols, target in zip(symbols_of(inputs), targets.tolist(), strict=True):
        places = [t for t, symbol in enumerate(symbols) if symbol in (0, 1)]
        if seq_len == 1:
            assert places == [0]
            assert target // 2 == symbols[0]
            continue
        first, second = places
        tenth, half = int(seq_len * 0.1), int(seq_len * 0.5)
        assert tenth <= first < tenth + max(tenth, 1)
        assert half <= second < half + max(tenth, 1)
        assert target == symbols[first] + 2 * symbols[second]


def test_temporal_order_uses_its_whole_windows_and_all_symbols():
    inputs, targets = TemporalOrder().sample(5_000, 50, seeded())
    relevant = inputs[..., :2].sum(-1).mean(dim=1)
    inside = [*range(5, 10), *range(25, 30)]
    torch.testing.assert_close(relevant[inside], torch.full((10,), 0.2), atol=0.03, rtol=0)
    assert relevant.sum().item() == pytest.approx(2)
    torch.testing.assert_close(inputs[0].mean(dim=0)[2:], torch.full((4,), 0.25), atol=0.03, rtol=0)
    torch.testing.assert_close(targets.bincount() / 5_000, torch.full((4,), 0.25), atol=0.03, rtol=0)


@given(**SIZES)
def test_copying_repeats_ten_symbols_after_the_marker(batch_size, seq_len, seed):
    inputs, targets = Copying().sample(batch_size, seq_len, seeded(seed))
    for symbols, answer in zip(symbols_of(inputs), targets.T.tolist(), strict=True):
        to_copy = symbols[:10]
        assert set(to_copy) <= set(range(8))
        assert symbols[10:] == [8] * (seq_len - 1) + [9] + [8] * 10
        assert answer == [8] * (seq_len + 10) + to_copy


@given(**SIZES, characters=st.text("abcé☃𝄞", min_size=2, max_size=9).filter(lambda text: len(set(text)) > 1))
def test_next_character_is_the_one_that_follows_in_the_circular_text(batch_size, seq_len, seed, characters):
    vocabulary = "".join(sorted(set(characters)))
    task = NextCharacter(Text(characters, vocabulary))
    inputs, targets = task.sample(batch_size, seq_len, seeded(seed))
    for symbols, following in zip(symbols_of(inputs), targets.T.tolist(), strict=True):
        read = "".join(vocabulary[symbol] for symbol in symbols)
        assert read in characters * (seq_len + 1)
        start = (characters * 2).find(read[: len(characters)])
        assert start >= 0
        assert following[:-1] == symbols[1:]
        text_and_next = read + vocabulary[following[-1]]
        assert text_and_next in characters * (seq_len + 2)


def test_next_character_of_hello_has_the_lectures_vocabulary_and_starts_everywhere():
    task = task_named("next_character")
    inputs, targets = task.sample(500, 4, seeded())
    pairs = {
        ("".join("helo"[s] for s in symbols), "".join("helo"[s] for s in following))
        for symbols, following in zip(symbols_of(inputs), targets.T.tolist(), strict=True)
    }
    assert pairs == {("hell", "ello"), ("ello", "lloh"), ("lloh", "lohe"), ("lohe", "ohel"), ("ohel", "hell")}


def test_next_character_reads_a_long_text_in_place():
    text = load_text("pydoc")
    task = NextCharacter(text)
    inputs, _ = task.sample(3, 40, seeded())
    for symbols in symbols_of(inputs):
        assert "".join(text.vocabulary[s] for s in symbols) in text.characters


# the interface, every task


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("position", [None, *POSITIONS])
@settings(max_examples=15, deadline=None)
@given(**SIZES)
def test_shapes_and_the_mean_over_the_positions_in_the_loss(name, position, batch_size, seq_len, seed):
    task = task_named(name)
    inputs, targets = task.sample(batch_size, seq_len, seeded(seed))
    T = task.length(seq_len)
    assert inputs.shape == (T, batch_size, task.input_size)
    assert targets.shape in {(batch_size,), (T, batch_size)}

    outputs = torch.randn(T, batch_size, task.output_size, generator=seeded(1))
    losses = task.losses(outputs, targets)
    assert losses.shape == (T, batch_size)
    counted = losses[-1:] if (position or task.default_loss_position) == "last" else losses
    torch.testing.assert_close(task.loss(outputs, targets, position), counted.mean())
    assert math.isfinite(task.chance(seq_len, position))
    assert 0 <= task.dependency(seq_len) < T
    assert task.name == name


@pytest.mark.parametrize("name", NAMES)
def test_losses_equal_a_loop_over_timesteps_and_sequences(name):
    task = task_named(name)
    _, targets = task.sample(3, 6, seeded(), torch.float64)
    outputs = torch.randn(task.length(6), 3, task.output_size, generator=seeded(1), dtype=torch.float64)
    losses, correct = task.losses(outputs, targets), 0
    for t in range(len(outputs)):
        for b in range(3):
            y, target = outputs[t, b].tolist(), (targets[b] if targets.ndim == 1 else targets[t, b]).item()
            if name == "adding":
                expected = (y[0] - target) ** 2
                correct += abs(y[0] - target) < 0.08
            else:
                expected = math.log(sum(math.exp(logit) for logit in y)) - y[target]
                correct += max(y) == y[target]
            assert losses[t, b].item() == pytest.approx(expected, rel=1e-12)
    assert task.accuracy(outputs, targets, "every") == pytest.approx(correct / losses.numel())


@pytest.mark.parametrize("name", NAMES)
def test_only_the_positions_in_the_loss_get_a_gradient(name):
    task = task_named(name)
    _, targets = task.sample(2, 7, seeded())
    outputs = torch.randn(task.length(7), 2, task.output_size, generator=seeded(1), requires_grad=True)
    (last,) = torch.autograd.grad(task.loss(outputs, targets, "last"), outputs)
    assert not last[:-1].any()
    assert last[-1].any()
    (every,) = torch.autograd.grad(task.loss(outputs, targets, "every"), outputs)
    assert every.flatten(1).any(dim=1).all()


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
    T = task.length(12)
    if name == "adding":
        outputs = targets.expand(T, 4).unsqueeze(-1)
    else:
        outputs = 100.0 * torch.nn.functional.one_hot(targets.expand(T, 4), task.output_size)
    for position in POSITIONS:
        assert task.loss(outputs, targets, position).item() == pytest.approx(0, abs=1e-6)
        assert task.accuracy(outputs, targets, position) == 1
    assert task.accuracy(outputs.roll(1, dims=-1) + (name == "adding"), targets) == 0


# chance


def best_blind_guess(task: Task, seq_len: int, position: LossPosition) -> float:
    """The loss of the best output that differs between timesteps only, fitted to a large sample."""
    B = 20_000
    _, targets = task.sample(B, seq_len, seeded(3), torch.float64)
    T = task.length(seq_len)
    if task.output_size == 1:
        guess = targets.mean().expand(T, 1)
    else:
        counts = torch.nn.functional.one_hot(targets.expand(T, B), task.output_size).double().mean(dim=1)
        guess = counts.clamp_min(1e-12).log()
    return task.loss(guess.unsqueeze(1).expand(T, B, -1), targets, position).item()


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("seq_len", [1, 2, 13])
@pytest.mark.parametrize("name", ["adding", "temporal_order", "copying"])
def test_chance_is_what_the_best_blind_guess_scores(name, seq_len, position):
    task = task_named(name)
    assert best_blind_guess(task, seq_len, position) == pytest.approx(task.chance(seq_len, position), rel=0.02)


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


def test_a_constant_guess_is_right_in_15_percent_of_the_adding_problem():
    _, targets = Adding().sample(50_000, 20, seeded())
    assert Adding().accuracy(torch.ones(1, 50_000, 1), targets) == pytest.approx(0.154, abs=0.005)


# dependency


@pytest.mark.parametrize(
    ("name", "seq_len", "lag"), [("adding", 10, 9), ("copying", 5, 15), ("temporal_order", 50, 44)]
)
def test_dependency_is_the_longest_lag_that_occurs(name, seq_len, lag):
    task = task_named(name)
    inputs, targets = task.sample(2_000, seq_len, seeded())
    T = task.length(seq_len)
    if name == "adding":
        longest = T - 1 - inputs[..., 1].any(dim=1).nonzero()[0].item()
    elif name == "temporal_order":
        longest = T - 1 - inputs[..., :2].any(dim=-1).any(dim=-1).nonzero()[0].item()
    else:
        start = (targets != 8).any(dim=1).nonzero()[0].item()  # where the first symbol's copy is due
        assert torch.equal(inputs[0].argmax(-1), targets[start])
        longest = start
    assert longest == lag == task.dependency(seq_len)


def test_an_unknown_task_is_one_sentence():
    with pytest.raises(ConfigError, match=r"^task was 'sorting'; it must be one of adding, .*next_character\.$"):
        make_task(Settings("sorting"))
