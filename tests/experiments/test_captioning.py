"""Captions say what is in their pictures; runs keep the pictures, and analyse the decoder."""

import sys

import numpy as np
import pytest
import torch
from sampling import seeded, task_named

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.probing.recorded import recorded_probe
from experiments.runs.opening import open_run
from experiments.runs.train import Recorder, train
from experiments.runs.verify import verify
from experiments.tasks.digit_pictures import load_digit_pictures
from experiments.tasks.drawings import COLOURS, DIGITS, SHAPES, draw_shapes
from experiments.training.success import evaluate
from experiments.training.training import Training

SETTINGS = {
    "task": "captioning", "network": "one_to_many", "cell": "gru", "seq_len": 2, "hidden_size": 5, "batch_size": 4,
    "steps": 3, "record_every": 1, "record_samples": 2, "evaluate_every": None, "dtype": "float64",
}  # fmt: skip
PLACES = [(row, column) for row in ("top", "middle", "bottom") for column in ("left", "centre", "right")]


def read_picture(places):
    """Place → (colour, ink of 8 × 8) of a picture [place, 300], found by its pixels."""
    found = {}
    for where, pixels in zip(PLACES, places.view(9, 3, 10, 10), strict=True):
        ink = pixels.amax(0)
        if not ink.any():
            continue
        seen = tuple(int(bool(channel.any())) for channel in pixels)
        (colour,) = [name for name, light in COLOURS.items() if light == seen]
        found[where] = (colour, ink)
    return found


def kinds_of(ink, images, digits):
    """The names of all drawings that stand somewhere in a place with this ink."""
    drawings = [
        *zip(SHAPES, draw_shapes(), strict=True),
        *((DIGITS[d], i) for d, i in zip(digits, images, strict=True)),
    ]
    sheets = ink.unfold(0, 8, 1).unfold(1, 8, 1)[:3, :3].reshape(9, 8, 8)
    whole = sheets[sheets.sum((1, 2)) == ink.sum()]
    return {name for name, drawing in drawings if (whole == drawing).all(-1).all(-1).any()}


@pytest.mark.parametrize("seq_len", [1, 2, 3, 50])
def test_a_caption_names_what_the_pixels_show_row_by_row(seq_len):
    task = task_named("captioning")
    images, digits = (torch.from_numpy(part) for part in load_digit_pictures("captioning"))
    inputs, targets = task.sample(12, seq_len, seeded(seq_len), torch.float64)
    most = min(seq_len, 3)
    assert inputs.shape == (9 + 6 * most, 12, 300)
    for b in range(12):
        things = read_picture(inputs[:9, b])
        assert 1 <= len(things) <= most
        said = task.sentence(targets[:, b]).removesuffix(" .").replace(" and ", " , ").split(" , ")
        for (where, (colour, ink)), phrase in zip(things.items(), said, strict=True):
            article, its_colour, kind, *its_place = phrase.split()
            assert (article, its_colour, tuple(its_place)) == ("a", colour, where)
            assert kind in kinds_of(ink, images, digits)
        assert [task.words[c] for c in inputs[9:, b].argmax(-1)] == ["→", *(task.words[t] for t in targets[:-1, b])]


def test_a_comma_stands_between_and_an_and_before_the_last_thing():
    task = task_named("captioning")
    _, targets = task.sample(40, 3, seeded())
    joints = {tuple(task.words[word] for word in sentence[5::6]) for sentence in targets.T.tolist()}
    assert joints == {(".", ".", "."), ("and", ".", "."), (",", "and", ".")}


def test_the_pages_name_the_places_where_something_stands_and_then_the_words():
    task = task_named("captioning")
    inputs, targets = task.sample(1, 3, seeded())
    symbols, matters = task.symbols(inputs[:, 0]), task.matters(inputs[:, 0])
    shown = [tuple(name.split()) for name, there in zip(symbols[:9], matters, strict=False) if there]
    assert shown == [*read_picture(inputs[:9, 0].double())]
    assert symbols[9:] == ["→", *(task.answer_word(word) for word in targets[:-1, 0].tolist())]
    assert bool(matters[9:].all())


def test_digits_that_training_never_sees_are_what_evaluations_show():
    task = task_named("captioning")
    seen, unseen = ({x.numpy().tobytes() for x in t._digits} for t in (task, task.unseen))
    assert len(seen) > 1400
    assert len(unseen) > 350
    assert not seen & unseen
    assert task_named("translation").unseen.name == "translation"


def test_an_evaluation_is_of_the_unseen_digits(monkeypatch):
    training = Training(RunConfig.from_values({**SETTINGS, "evaluate_size": 3}))
    asked = []
    sample = type(training.task).sample
    monkeypatch.setattr(
        type(training.task), "sample", lambda self, *a: asked.append(len(self._digits)) or sample(self, *a)
    )
    evaluate(training.config, training.task, training.model, seeded())
    assert asked == [359]


def test_captioning_without_its_package_is_one_sentence(monkeypatch):
    load_digit_pictures.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ConfigError, match=r"^task was 'captioning', which needs the package scikit-learn; install it"):
        task_named("captioning")


@pytest.mark.parametrize("attention", [None, "dot", "bahdanau"])
@pytest.mark.parametrize("features", ["start", "first_input"])
def test_a_recorded_step_gives_back_the_picture_the_outputs_and_the_looks(tmp_path, attention, features):
    settings = RunConfig.from_values({**SETTINGS, "attention": attention, "features": features})
    train([Recorder.start(settings, tmp_path / "run")])
    assert verify(tmp_path / "run").problems == ()
    training = Training(settings)
    training.update(training.advance().clipping.grads)
    step = training.advance()
    found = recorded_probe(open_run(tmp_path / "run"), 2)
    assert torch.equal(found.experiment.inputs, step.inputs[:, [0, 3]])
    assert torch.allclose(found.whole.outputs, step.trace.outputs[:, [0, 3]], rtol=0, atol=1e-12)
    if attention is not None:
        assert torch.allclose(found.whole.attention, step.trace.attention[:, [0, 3]], rtol=0, atol=1e-12)
        assert np.allclose(found.whole.attention.sum(-1), 1)
    assert found.trace.loss_value == pytest.approx(step.trace.loss_value, rel=1e-12)
    assert found.credit.log_norm.shape == (12, 12, 2)
