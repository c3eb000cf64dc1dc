"""A drag never waits for a panel that takes long; the page itself draws it."""

import pytest

from dashboard.explore.explore_frame import HERO, explore_frame, explore_lab
from dashboard.explore.settings import Settings
from dashboard.explore.view import record_view

SMALL = {"seq_len": 10.0, "hidden_size": 4}


@pytest.mark.parametrize(("panel", "chart"), [("Lyapunov exponents", "lyapunov"), ("Jacobians", "jacobian-norms")])
def test_a_heavy_panel_is_left_to_the_page(panel, chart):
    assert set(explore_lab({"panel": panel}).pictures) == {HERO}
    assert chart in explore_frame(record_view(Settings(panel=panel))).pictures
    assert chart in explore_lab({**SMALL, "panel": panel}).pictures


def test_the_credit_matrix_of_a_long_sequence_is_left_to_the_page():
    assert set(explore_lab({"panel": "Credit"}).pictures) == {HERO}
    assert "credit-lstm" in explore_lab({**SMALL, "panel": "Credit"}).pictures


@pytest.mark.parametrize("panel", ["Wave", "Hidden states", "Gates", "Spectrum", "Paths", "Clipping"])
def test_a_light_panel_follows_the_hand(panel):
    assert len(explore_lab({"panel": panel}).pictures) > 1
