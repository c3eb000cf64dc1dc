"""The tasks are what the papers define, and reach as far back as they say."""

import math
import re
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words
from sampling import SIZES, Settings, seeded, symbols_of, task_named

from experiments.errors import ConfigError
from experiments.tasks import make_task
from experiments.tasks.adding import Adding
from experiments.tasks.copying import Copying
from experiments.tasks.france import LANGUAGES, read_fillers
from experiments.tasks.next_character import NextCharacter
from experiments.tasks.number_words import spell_numbers
from experiments.tasks.temporal_order import TemporalOrder
from experiments.tasks.text import Text, help_topics, load_text


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
def test_multiplication_target_is_the_product_of_the_marked_numbers(batch_size, seq_len, seed):
    inputs, targets = task_named("multiplication").sample(batch_size, seq_len, seeded(seed), torch.float64)
    sums = Adding().sample(batch_size, seq_len, seeded(seed), torch.float64)
    assert torch.equal(inputs, sums[0])  # the same numbers and marks
    for b in range(batch_size):
        marked = [x for x, mark in inputs[:, b].tolist() if mark] * (2 if seq_len == 1 else 1)
        assert targets[b].item() == pytest.approx(marked[0] * marked[1], rel=1e-15)


@given(**SIZES)
def test_parity_says_whether_a_prefix_has_an_odd_number_of_ones(batch_size, seq_len, seed):
    inputs, targets = task_named("parity").sample(batch_size, seq_len, seeded(seed))
    for bits, answers in zip(inputs[..., 0].T.tolist(), targets.T.tolist(), strict=True):
        odd = False
        for bit, answer in zip(bits, answers, strict=True):
            odd = not odd if bit == 1 else odd
            assert answer == odd
            assert bit in (0, 1)


@given(**SIZES, delay=st.none() | st.integers(1, 40))
def test_delayed_xor_compares_two_earlier_bits(batch_size, seq_len, seed, delay):
    task = make_task(Settings("delayed_xor", delay=delay))
    inputs, targets = task.sample(batch_size, seq_len, seeded(seed))
    d = delay or max(seq_len // 3, 1)
    assert len(targets) == max(seq_len, 2 * d + 1)
    assert task.dependency(seq_len) == 2 * d
    assert task.chance(seq_len, "every") == pytest.approx((len(targets) - 2 * d) / len(targets) * math.log(2))
    losses = task.losses(torch.zeros(len(targets), batch_size, 2), targets)
    assert not losses[: 2 * d].any(), "a blank has no loss"
    torch.testing.assert_close(losses[2 * d :], torch.full_like(losses[2 * d :], math.log(2)))
    for bits, answers in zip(inputs[..., 0].T.tolist(), targets.T.tolist(), strict=True):
        assert answers[: 2 * d] == [2] * (2 * d)
        assert len(answers) > 2 * d
        for t, answer in enumerate(answers[2 * d :], 2 * d):
            assert answer == (bits[t - d] != bits[t - 2 * d])


@given(**SIZES)
def test_latch_shows_its_class_at_the_beginning_and_noise_after(batch_size, seq_len, seed):
    inputs, targets = task_named("latch").sample(batch_size, seq_len, seeded(seed), torch.float64)
    shown = inputs[:3, :, 0].mean(0)
    assert torch.equal(targets, (shown > 0).long())
    noise = torch.cat([inputs[:3, :, 0] - (2 * targets - 1), inputs[3:, :, 0]])
    assert noise.abs().max() < 0.2 * 7


def test_latch_noise_has_its_deviation_at_every_timestep():
    inputs, targets = task_named("latch").sample(5_000, 6, seeded(), torch.float64)
    assert targets.double().mean().item() == pytest.approx(0.5, abs=0.03)
    deviation = inputs[:, targets == 1, 0].std(dim=1)
    torch.testing.assert_close(deviation, torch.full((6,), 0.2, dtype=torch.float64), atol=0.01, rtol=0)


@given(**SIZES)
def test_random_permutation_asks_for_the_first_symbol(batch_size, seq_len, seed):
    inputs, targets = task_named("random_permutation").sample(batch_size, seq_len, seeded(seed))
    for symbols, target in zip(symbols_of(inputs), targets.tolist(), strict=True):
        (said,) = [symbol for symbol in symbols if symbol < 2]
        assert symbols[0] == said == target
        assert max(symbols) < 100


@given(**SIZES)
def test_noiseless_memorisation_repeats_ten_symbols_from_the_marker_on(batch_size, seq_len, seed):
    inputs, targets = task_named("noiseless_memorisation").sample(batch_size, seq_len, seeded(seed))
    for symbols, answer in zip(symbols_of(inputs), targets.T.tolist(), strict=True):
        assert set(symbols[:10]) <= set(range(5))
        assert symbols[10:] == [5] * seq_len + [6] + [5] * 9
        assert answer == [5] * (seq_len + 10) + symbols[:10]


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


@given(**SIZES)
def test_france_asks_for_the_language_of_its_one_country(batch_size, seq_len, seed):
    task = task_named("france")
    inputs, targets = task.sample(batch_size, seq_len, seeded(seed))
    for symbols, target in zip(symbols_of(inputs), targets.tolist(), strict=True):
        words = [task.words[symbol] for symbol in symbols]
        (country,) = [word for word in words if word in LANGUAGES]
        assert " ".join([*words[:5], *words[-3:]]) == f"I grew up in {country} I speak fluent"
        assert [*LANGUAGES.values()][target] == LANGUAGES[country]
        assert len(words) == seq_len + 8
        assert len(words) - 1 - words.index(country) == task.dependency(seq_len)


def test_frances_fillers_are_a_passage_of_the_help_topics():
    task = task_named("france")
    inputs, _ = task.sample(3, 40, seeded())
    known = set(task.words)
    topics = " ".join(word for word in re.findall(r"(?<![\w.])[a-z]{2,}(?![\w.(])", help_topics()) if word in known)
    for symbols in symbols_of(inputs):
        assert " ".join(task.words[symbol] for symbol in symbols[5:-3]) in f"{topics} {topics}"


def test_france_without_help_topics_is_one_sentence(monkeypatch):
    read_fillers.cache_clear()
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(
        ConfigError, match=r"^task was 'france', which needs Python's help topics, .* choose another task\.$"
    ):
        task_named("france")


@pytest.mark.parametrize("reverse", [False, True])
def test_translation_says_in_french_what_the_source_says_in_english(reverse):
    task = make_task(Settings("translation", reverse_source=reverse))
    for seq_len in (1, 4, 9):
        inputs, targets = task.sample(12, seq_len, seeded(seq_len))
        S = task.source(seq_len)
        for symbols, answer in zip(symbols_of(inputs), targets.T.tolist(), strict=True):
            words, said = [task.words[symbol] for symbol in symbols], [task.words[symbol] for symbol in answer]
            english = [word for word in words[:S] if word != "_"]
            assert words[: S - len(english)] == ["_"] * (S - len(english))
            assert words[S:] == ["→", *said[:-1]]
            number = value_of(english[::-1] if reverse else english)
            french = re.split(r"[\s-]", num2words(number, lang="fr"))
            assert said == [*french, *["."] * (len(said) - len(french))]
            assert re.split(r"[\s,-]+", num2words(number)) == (english[::-1] if reverse else english)


def value_of(words: list[str]) -> int:
    """The number that English words say."""
    small = {num2words(n): n for n in (*range(20), *range(20, 100, 10))}
    total = part = 0
    for word in words:
        if word == "thousand":
            total, part = total + 1000 * part, 0
        else:
            part = 100 * part if word == "hundred" else part + small.get(word, 0)
    return total + part


def test_translations_end_sign_is_asked_once():
    task = task_named("translation")
    _, targets = task.sample(50, 5, seeded())
    lengths = (targets != task.words.index(".")).sum(0)
    assert torch.equal(task.asked(targets).sum(0), (lengths + 1).clamp(max=len(targets)))
    assert torch.equal(task.next_word(torch.eye(task.output_size)).argmax(-1), torch.arange(task.output_size))


def test_translation_without_its_package_is_one_sentence(monkeypatch):
    spell_numbers.cache_clear()
    monkeypatch.setitem(sys.modules, "num2words", None)
    with pytest.raises(ConfigError, match=r"needs the package num2words; install it with `pip install num2words`\.$"):
        task_named("translation")


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
