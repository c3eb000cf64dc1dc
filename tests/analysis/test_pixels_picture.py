"""The picture that a network has read, and which pixels its loss hears."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from analysis.figures.pixels import pixels_picture
from analysis.figures.png import png_address


def test_a_png_is_read_back_as_the_same_picture():
    image = np.random.default_rng(0).random((5, 7, 3))
    kind, text = png_address(image).split(",", 1)
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    assert kind == "data:image/png;base64"
    assert back / 255 == pytest.approx(image, abs=1 / 500)


def test_pixels_are_drawn_beside_the_largest_and_what_is_beyond_floats_is_kept():
    log_norm = np.log(10) * np.array([[-400.0, -401.0], [-402.0, -np.inf]])
    made = pixels_picture("gru", np.zeros((2, 2, 3)), log_norm)
    (heat,) = made.figure.data
    assert np.asarray(heat.z) == pytest.approx(np.array([[0, -1], [-2, -4]]))
    assert made.columns["log10 of the norm"][:2] == pytest.approx([-400, -401])
    assert "10⁻⁴⁰⁰" in made.alt
    narrow = made.figure.layout.meta["narrow"]
    map_top, image = narrow["yaxis"]["domain"][1], narrow["images"][0]
    assert map_top < image["y"] - image["sizey"], "on a phone the map is below the picture"
    assert (narrow["xaxis"]["domain"], image["sizex"]) == ([0, 1], 1)


@pytest.mark.parametrize(
    ("broken", "largest", "grey"),
    [
        (np.full((2, 2), np.nan), "not a number", 4),
        (np.full((2, 2), -np.inf), "0", 0),
        (np.array([[np.inf, 0.0], [np.nan, 1.0]]), "∞", 2),
    ],
)
def test_a_gradient_that_is_no_number_is_said_and_drawn_as_such(broken, largest, grey):
    made = pixels_picture("lstm", np.zeros((2, 2, 3)), broken)
    assert made.alt.endswith(f"the largest is {largest}.")
    heat, *special = made.figure.data
    assert not np.isinf(np.asarray(heat.z)).any()
    assert sum(int((np.asarray(cells.z) == 1).sum()) for cells in special) == grey
    assert ("Grey is" in made.sentence) == (grey > 0)
