"""The pictures of a training explain only what is in them, and write no words over each other."""

import itertools

import numpy as np
import plotly.graph_objects as go
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures.axes import NOTHING_YET
from analysis.figures.events import Event, add_events, neighbours
from analysis.figures.training import Lane, loss_picture, norm_picture


def lane(after: float) -> Lane:
    step, before = np.arange(1, 5), np.log(np.array([0.5, 2.0, 3.0, 0.1]))
    return Lane("run", "#000000", step, np.ones(4), 1.0, before, np.minimum(before, after))


def test_without_clipping_neither_threshold_nor_triangles_are_explained():
    made = norm_picture([lane(np.inf)], {"run": None})
    assert "threshold" not in made.sentence
    assert "Triangle" not in made.sentence
    assert not any("clipped" in str(trace.name) for trace in made.figure.data)
    assert "lipped" not in str(made.figure.layout.title.text)


def test_with_clipping_both_are_explained_and_drawn():
    made = norm_picture([lane(0.0)], {"run": 1.0})
    assert "horizontal line is the clip threshold" in made.sentence
    assert "Triangles mark clipped steps" in made.sentence
    (marks,) = [trace for trace in made.figure.data if trace.name == "run: clipped"]
    assert list(marks.x) == [2, 3]
    assert len(made.figure.layout.shapes) == 1


def test_a_threshold_that_no_step_reaches_is_explained_without_triangles():
    made = norm_picture([lane(np.inf)], {"run": 100.0})
    assert "clip threshold" in made.sentence
    assert "Triangle" not in made.sentence


def events(*steps: int) -> list[Event]:
    return [Event(step, f"event {k}", "run", "#000000") for k, step in enumerate(steps)]


def test_events_that_are_near_share_their_words_and_lose_none():
    made = go.Figure()
    add_events(made, [*events(500, 505, 900), Event(503, "paused", "other", "#ffffff")], 1000)
    assert len(made.layout.shapes) == 4
    first, second = made.layout.annotations
    assert (first.text, second.text) == ("event 0 (and 2 more)", "event 2")
    assert first.hovertext == "run, step 500: event 0<br>other, step 503: paused<br>run, step 505: event 1"
    made = go.Figure()
    add_events(made, [Event(5, words, "run", "#000000") for words in ("paused", "rate changed", "went on")], 1000)
    assert made.layout.annotations[0].text == "rate changed (and 2 more)"


def test_an_events_words_lie_beside_the_numbers_of_the_axis():
    made = go.Figure()
    add_events(made, events(7, 500), 1000)
    assert [words.xanchor for words in made.layout.annotations] == ["left", "right"]
    made = go.Figure()
    add_events(made, events(1, 15), until=20, since=1)  # a short training, whose axis begins at its first step
    assert [words.xanchor for words in made.layout.annotations] == ["left", "right"]


@given(st.lists(st.integers(1, 10_000), max_size=30), st.floats(0, 500))
def test_every_event_is_in_one_group_and_groups_are_apart(steps, near):
    groups = neighbours(events(*steps), near)
    assert [event.step for group in groups for event in group] == sorted(steps)
    assert all(b[0].step - a[0].step >= near for a, b in itertools.pairwise(groups))
    assert all(group[-1].step - group[0].step < max(near, 1e-9) or len(group) == 1 for group in groups)


def test_a_mean_is_spoken_of_where_one_is_drawn():
    for n, said in ((50, False), (500, True)):
        step, ones = np.arange(1, n + 1), np.ones(n)
        one = Lane("run", "#000000", step, ones, 1.0, ones, ones)
        assert ("running mean" in loss_picture([one]).sentence) is said
        assert ("running mean" in norm_picture([one], {"run": None}).sentence) is said


def test_a_title_has_the_running_mean_at_its_end_and_not_the_last_batch():
    step, loss = np.arange(1, 501), np.full(500, 2.0)
    loss[-1] = 3.0
    made = loss_picture([Lane("run", "#000000", step, loss, 1.0, np.zeros(500), np.zeros(500))])
    bold = next(trace for trace in made.figure.data if trace.name == "run")
    assert str(made.figure.layout.title.text) == "Loss: run 2.2"  # the mean of 2, 2, 2, 2 and 3
    assert bold.y[-1] == 2.2


def test_a_training_without_a_step_says_so():
    none = np.zeros(0)
    made = loss_picture([Lane("run", "#000000", none.astype(int), none, np.nan, none, none)])
    assert [note.text for note in made.made.layout.annotations] == [NOTHING_YET]
