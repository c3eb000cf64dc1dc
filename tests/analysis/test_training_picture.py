"""The picture of gradient norms explains only what is in it."""

import numpy as np

from analysis.figures.training import Lane, norm_picture


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
