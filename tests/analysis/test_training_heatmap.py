"""The title of the map of a training agrees with its colours."""

import numpy as np
import pytest

from analysis.figures.training_heatmap import heatmap_picture

STEPS = np.arange(1, 4)
LN_10 = np.log(10)


def picture(first: list[float], loss: list[float]):
    middle = (np.array(first) + np.array(loss)) / 2
    return heatmap_picture("run", STEPS, LN_10 * np.stack([first, middle, loss], axis=1))


def test_the_title_is_the_last_colour_of_the_first_timestep():
    made = picture([-9.0, -8.0, -7.0], [-3.0, -2.0, -1.0])
    assert (
        made.figure.layout.title.text
        == "run: at step 3 the gradient at t = 1 is 1×10⁻⁵ times what is usual at the loss"
    )
    assert made.figure.data[0].z[0][-1] == pytest.approx(-5.0)


@pytest.mark.parametrize(("last", "words"), [(-np.inf, "0"), (np.inf, "∞"), (np.nan, "not a number")])
def test_a_last_step_without_a_finite_gradient_is_said(last, words):
    made = picture([-9.0, -8.0, last], [-3.0, -2.0, -1.0])
    assert (
        made.figure.layout.title.text
        == f"run: at step 3 the gradient at t = 1 is {words} times what is usual at the loss"
    )
