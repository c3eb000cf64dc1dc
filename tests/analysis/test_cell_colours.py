"""Every two cells' colours are told apart by people with any colour vision, on the light page and on the dark one."""

import itertools

import numpy as np
import pytest
from plotly.colors import sample_colorscale, unlabel_rgb

from analysis.figures.sweep_row import SEEN
from models.cells.registry import CELLS

# Machado, Oliveira & Fernandes 2009, severity 1: what is left of linear red, green and blue.
VISION = {
    "all": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
COLOURS = {name: cell.words.colour for name, cell in CELLS.items()}


def linear(colour):
    values = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b*, in which a distance of about 2 is just seen."""
    f = np.cbrt(TO_XYZ @ rgb / WHITE)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_any_two_cells_differ_in_colour(vision):
    seen = {name: lab(np.clip(VISION[vision] @ linear(colour), 0, 1)) for name, colour in COLOURS.items()}
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 15, (a, b)


SHADES = dict(enumerate(sample_colorscale("Viridis", list(np.linspace(*SEEN, 7)))))


def hexadecimal(colour):
    return "#" + "".join(f"{round(v):02x}" for v in unlabel_rgb(colour))


@pytest.mark.parametrize("page", ["#FFFFFF", "#0E1117"])
def test_every_colour_is_seen_on_both_pages(page):
    ground = TO_XYZ[1] @ linear(page)
    for name, colour in {**COLOURS, **{k: hexadecimal(shade) for k, shade in SHADES.items()}}.items():
        dark, bright = sorted((ground, TO_XYZ[1] @ linear(colour)))
        assert (bright + 0.05) / (dark + 0.05) > 2.2, name


def test_every_cell_has_its_own_name_and_marker():
    for values in ([c.words.label for c in CELLS.values()], [c.words.symbol for c in CELLS.values()]):
        assert len(set(values)) == len(values)
