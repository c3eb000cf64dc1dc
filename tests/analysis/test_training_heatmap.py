"""The title of the map of a training agrees with its colours."""

import numpy as np
import pytest

from analysis.figures.training_heatmap import heatmap_picture

STEPS = np.arange(1, 4)
LN_10 = np.log(10)


def picture(first: list[float], loss: list[float]):
    middle = (np.array(first) + np.array(loss)) / 2
    return heatmap_picture("run", STEPS, LN_10 * np.stack([first, middle, loss], axis=1))


def test_the_title_has_the_ratios_of_the_first_and_the_last_step():
    made = picture([-9.0, -8.0, -7.0], [-3.0, -2.0, -1.0])
    assert made.figure.layout.title.text == (
        "run: gradient at t = 1 ÷ at the loss: 1×10⁻⁶ at step 1, then 1×10⁻⁶ at step 3"
    )
    assert made.figure.data[0].z[0][-1] == pytest.approx(-5.0), "of the median size at the loss"
    shorter = heatmap_picture("run", STEPS[:1], LN_10 * np.array([[-9.0, -3.0, np.nan]]))
    assert shorter.figure.layout.title.text == "run: gradient at t = 1 ÷ at the loss: 1×10⁻⁶ at step 1"
    assert shorter.figure.layout.xaxis.tickvals == (1,), "no half step, and none below 1"
    none = heatmap_picture("run", STEPS[:0], np.zeros((0, 3)))
    assert none.figure.layout.title.text == "run: gradient at t = 1 ÷ at the loss: no recorded step"


@pytest.mark.parametrize(("last", "words"), [(-np.inf, "0"), (np.inf, "∞"), (np.nan, "not a number")])
def test_a_last_step_without_a_finite_gradient_is_said(last, words):
    made = picture([-9.0, -8.0, last], [-3.0, -2.0, -1.0])
    assert str(made.figure.layout.title.text).endswith(f", then {words} at step 3")
