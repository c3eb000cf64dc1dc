"""The sentences, the ball and the film are what their tasks say: each answer is found again by another way."""

import re
import sys

import numpy as np
import pytest
import torch
from commanding import call, trained
from sampling import seeded, symbols_of, task_named
from sklearn.datasets import load_digits
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from experiments.errors import ConfigError
from experiments.probing.answers import exchanges
from experiments.probing.recorded import recorded_probe
from experiments.runs.opening import open_run
from experiments.tasks.ball import FASTEST, GRAVITY, NOISE
from experiments.tasks.digit_pictures import load_digit_pictures
from experiments.tasks.rated_words import load_rated_words
from experiments.tasks.sentiment import INTENSIFIERS, NEGATIONS
from experiments.tasks.video import FRAME, SIDE, class_shares

EITHER = {"negation": "|".join(NEGATIONS), "intensifier": "|".join(INTENSIFIERS)}
CLAUSE = r"the \w+ was (({negation}) )?(({intensifier}) )?\w+( (in|near|behind|from) the \w+)?".format(**EITHER)


def sentences(count: int, seq_len: int) -> list[tuple[list[str], int]]:
    task = task_named("sentiment")
    inputs, targets = task.sample(count, seq_len, seeded())
    return [
        ([task.words[s] for s in symbols], target)
        for symbols, target in zip(symbols_of(inputs), targets.tolist(), strict=True)
    ]


def test_a_sentence_is_good_where_the_ratings_by_people_and_their_rules_say_so():
    """The package's rules, written again: Σ rating · rules, of which the sign is the compound score's."""
    lexicon = SentimentIntensityAnalyzer().lexicon
    boosts = dict.fromkeys(["very", "extremely", "really", "quite"], 0.293)
    boosts |= dict.fromkeys(["slightly", "somewhat"], -0.293)
    for words, target in sentences(60, 60):
        said = [word for word in words if word != "_"]
        but = said.index("but") if "but" in said else None
        total = 0.0
        for place, word in enumerate(said):
            if word not in lexicon:
                continue
            rating, before = lexicon[word], said[max(place - 3, 0) : place][::-1]
            for far, one in enumerate(before):
                rating += np.sign(lexicon[word]) * boosts.get(one, 0) * (1, 0.95, 0.9)[far]
                rating *= -0.74 if one in NEGATIONS else 1
            total += rating * (1 if but is None else 0.5 if place < but else 1.5)
        assert (total > 0) == target


def test_a_sentence_has_5_to_60_words_of_clauses_with_one_but_at_most():
    lengths = set()
    kinds = {"not": 0, "but": 0, "very": 0}
    for words, _ in sentences(150, 70):
        said = [word for word in words if word != "_"]
        assert words == ["_"] * (70 - len(said)) + said
        assert said.count("but") <= 1
        body = " ".join(said)
        first = re.search(CLAUSE, body).start()
        assert all(re.fullmatch(CLAUSE, clause) for clause in re.split(r" (?:and|but) ", body[first:]))
        lengths.add(len(said))
        kinds = {word: count + (word in said) for word, count in kinds.items()}
    assert min(lengths) == 5
    assert max(lengths) == 60
    assert all(kinds.values())


def test_rated_words_are_as_many_good_ones_as_bad_ones():
    lexicon = SentimentIntensityAnalyzer().lexicon
    words = load_rated_words().words
    assert [lexicon[word] >= 1 for word in words] == [True] * 100 + [False] * 100
    assert len({*words}) == 200


def test_a_ball_flies_as_newton_says():
    """Steps of a thousandth of a timestep; at a wall or the floor the speed turns round."""
    inputs, targets = task_named("ball").sample(6, 12, seeded(), torch.float64)
    positions = targets.transpose(1, 2).numpy()
    assert positions.min() >= 0
    assert positions.max() <= 1
    assert np.abs(np.diff(positions[..., 0], axis=0)).max() <= FASTEST
    for track in positions.transpose(1, 0, 2):
        x, y = track[0]
        error, following = min(
            (np.abs(track[1] - fly(x, y, vx, vy)[0]).max(), fly(x, y, vx, vy)) for vx, vy in starts(track)
        )
        assert error < 2e-3
        for wanted in track[2:]:
            following = fly(*following[0], *following[1])
            assert np.abs(wanted - following[0]).max() < 0.02
    seen = inputs[1:12, :, :2].numpy()
    assert np.abs(seen - positions[:11]).max() < 6 * NOISE
    assert torch.equal(inputs[:12, :, 2], torch.ones(12, 6, dtype=torch.float64))
    assert not inputs[12:].any()
    assert len(inputs) == 21


def starts(track: np.ndarray) -> list[tuple[float, float]]:
    """Speeds, without and with a bounce on the way, that may lead from the first place to the second."""
    (x, y), (x1, y1) = track[:2]
    sideways = [x1 - x, -x - x1, 2 - x - x1]
    up = [y1 - y + GRAVITY / 2]
    for back in np.linspace(0.001, 0.999, 999):  # the share of the timestep before the floor
        down = -y / back + GRAVITY * back / 2
        bounced = -(down - GRAVITY * back)
        if abs(bounced * (1 - back) - GRAVITY * (1 - back) ** 2 / 2 - y1) < 1e-3:
            up.append(down)
    return [(vx, vy) for vx in sideways if abs(vx) <= FASTEST for vy in up]


def fly(x: float, y: float, vx: float, vy: float) -> tuple[np.ndarray, tuple[float, float]]:
    """Place and speed one timestep later."""
    parts = 1000
    for _ in range(parts):
        x, y, vy = x + vx / parts, y + vy / parts - GRAVITY / parts**2 / 2, vy - GRAVITY / parts
        if not 0 <= x <= 1:
            x, vx = (-x if x < 0 else 2 - x), -vx
        if y < 0:
            y, vy = -y, -vy
    return np.array([x, y]), (vx, vy)


def test_the_symbols_of_each_timestep_say_what_is_seen_and_the_answers_follow():
    task = task_named("video")
    inputs, targets = task.sample(1, 20, seeded())
    places = [tuple(map(int, symbol.split(", "))) for symbol in task.symbols(inputs[:, 0])]
    for possible, said in zip(told(places), targets[1:, 0].tolist(), strict=True):
        assert said in possible
    assert [task.answer_word(answer) for answer in (0, 2, 9)] == ["none", "left", "bottom, faster"]
    task = task_named("sentiment")
    inputs, _ = task.sample(1, 40, seeded())
    words = task.symbols(inputs[:, 0])
    telling = [word for word, tells in zip(words, task.matters(inputs[:, 0]).tolist(), strict=True) if tells]
    known = {*NEGATIONS, *INTENSIFIERS, "and", "but", *load_rated_words().words}
    assert telling == [word for word in words if word in known]
    task = task_named("ball")
    inputs, _ = task.sample(1, 4, seeded())
    symbols = task.symbols(inputs[:, 0])
    assert symbols[4:] == ["·"] * 9
    assert [float(part) for part in symbols[2].split(", ")] == pytest.approx(inputs[2, 0, :2].tolist(), abs=0.006)
    assert task.matters(inputs[:, 0]).tolist() == [True] * 4 + [False] * 9


def test_a_run_keeps_both_numbers_of_each_target(runs, in_own_folder):
    trained("task=ball", "steps=3", "record_every=1", "record_samples=2", "record_units=none")
    (folder,) = runs.iterdir()
    run = open_run(folder)
    assert run.tensor("targets").dimensions == ("step", "time", "value", "sample")
    assert run.tensor("targets").shape == (3, 17, 2, 2)
    probe = recorded_probe(run, 2)
    kept = probe.experiment.task.losses(probe.whole.outputs, probe.experiment.targets)
    assert kept.shape == (17, 2)
    assert np.isfinite(probe.credit.log_norm).any()
    assert "ball" in call("probe", folder.name)
    (answer, *_), wanted = exchanges(probe)[0].answers, probe.experiment.targets[-10, :, 0].tolist()
    assert [float(part) for part in answer.wanted.split(", ")] == pytest.approx(wanted, rel=0.01)
    assert len(exchanges(probe)[1].answers) == 10


def test_a_ball_is_everywhere_as_often_at_each_timestep():
    _, targets = task_named("ball").sample(10_000, 5, seeded(), torch.float64)
    for t in (0, 13):
        x, y = targets[t]
        torch.testing.assert_close(
            torch.histc(x, 10, 0, 1) / len(x), torch.full((10,), 0.1).double(), atol=0.01, rtol=0
        )
        edges = torch.linspace(0, 1, 11).double()
        shares = (1 - edges[:-1]) ** 1.5 - (1 - edges[1:]) ** 1.5
        torch.testing.assert_close(torch.histc(y, 10, 0, 1) / len(y), shares, atol=0.01, rtol=0)


def test_a_film_shows_what_its_classes_say():
    """Each frame's card is found by its edges, and the walls and speeds follow from its places alone."""
    inputs, targets = task_named("video").sample(40, 30, seeded(), torch.float64)
    pictures, settled = load_digits().images / 16, []
    frames = inputs.view(30, 40, FRAME, FRAME).numpy()
    for b in range(40):
        places = []
        for frame in frames[:, b]:
            rows, columns = (np.flatnonzero(frame.any(axis)) for axis in (1, 0))
            assert len(rows) == len(columns) == SIDE
            places.append((columns[0], rows[0]))
        card = frames[0, b][places[0][1] :, places[0][0] :][:SIDE, :SIDE]
        digit = (card - 0.25) / 0.75
        assert np.abs(pictures - digit).max((1, 2)).min() < 1e-12
        classes = targets[:, b].tolist()
        assert classes[0] == 0
        for possible, said in zip(told(places), classes[1:], strict=True):
            assert said in possible
            settled.append(len(possible) == 1)
    assert np.mean(settled) > 0.9  # where a speed changes at a wall, an unlikelier way may fit what was seen, too


def told(places: list[tuple[int, int]]) -> list[set[int]]:
    """The classes of the frames after the first that fit the places of the card so far: every way is followed."""
    (x, y), *later = places
    ways = {(dx, dy, speed, 0, 0) for dx in (-1, 1) for dy in (-1, 1) for speed in (1, 2, 3)}
    classes = []
    for t, place in enumerate(later):
        after = set()
        for dx, dy, speed, wall, faster in ways:
            for new in (1, 2, 3) if t else (speed,):
                (x1, dx1, hit_x), (y1, dy1, hit_y) = bounced(x, dx * new), bounced(y, dy * new)
                if (x1, y1) == place:
                    hit = (1 if dx < 0 else 2) if hit_x else (3 if dy < 0 else 4) if hit_y else wall
                    after.add((dx1, dy1, new, hit, faster if new == speed else int(new > speed)))
        ways, (x, y) = after, place
        classes.append({2 * wall + faster for *_, wall, faster in ways})
    return classes


def bounced(place: int, step: int) -> tuple[int, int, bool]:
    """Place, direction and whether a wall was reached."""
    direction = 1 if step > 0 else -1
    place += step
    if place < 0 or place > FRAME - SIDE:
        return (-place if place < 0 else 2 * (FRAME - SIDE) - place), -direction, True
    at_wall = place in (0, FRAME - SIDE)
    return place, -direction if at_wall else direction, at_wall


def test_the_shares_of_a_films_classes_are_those_of_many_films():
    _, targets = task_named("video").sample(3000, 12, seeded())
    counted = torch.stack([frame.bincount(minlength=10) for frame in targets]) / 3000
    assert np.abs(counted.numpy() - class_shares(12)).max() < 0.03
    assert class_shares(1000)[-1].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "module", "package", "cached"),
    [
        ("sentiment", "vaderSentiment.vaderSentiment", "vaderSentiment", load_rated_words),
        ("video", "sklearn.datasets", "scikit-learn", load_digit_pictures),
    ],
)
def test_a_task_without_its_package_is_one_sentence(name, module, package, cached, monkeypatch):
    cached.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ConfigError, match=rf"^task was '{name}', which needs the package {package}; install it with .*\.$"
    ):
        task_named(name)
