"""What the server accepts from a browser, which may send anything, and who wins when code and hand disagree."""

import math
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import ScriptRunner, StopException
from streamlit.testing.v1 import AppTest

from dashboard.components.live_slider.component import Scale, _settle, _Shown

SCALE = Scale(0.0, 2.0, 0.01)


@pytest.mark.parametrize(
    "sent", [math.nan, math.inf, -math.inf, "1", None, True, [1.0], {"value": 1}, 10**400, -(10**400)]
)
def test_what_is_not_a_finite_number_changes_nothing(sent: Any) -> None:
    assert SCALE.accept(sent, otherwise=0.7) == 0.7


@pytest.mark.parametrize(("sent", "accepted"), [(5, 2.0), (-5.0, 0.0), (1.23456, 1.23456), (2, 2.0), (1e308, 2.0)])
def test_a_number_is_clamped_and_otherwise_exact(sent: float, accepted: float) -> None:
    assert SCALE.accept(sent, otherwise=0.7) == accepted


def test_a_whole_scale_rounds() -> None:
    assert Scale(5, 100, 1).accept(41.6, otherwise=5.0) == 42.0


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ((1, 1, 0.1, False), "smaller than maximum"),
        ((0, 1, 0, False), "positive"),
        ((0, 1, 0.1, True), "positive minimum"),
        ((0, math.inf, 0.1, False), "finite"),
    ],
)
def test_a_scale_without_values_is_refused(scale: tuple[float, float, float, bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scale(*scale)


def test_a_preset_outlives_a_message_sent_before_it_arrived() -> None:
    late = {"value": 1.9, "revision": 3, "sequence": 8}
    preset = _settle(SCALE, first=1.0, stored=0.5, memory=_Shown(1.8, 3), message=late)
    assert preset == _Shown(0.5, 4)
    assert _settle(SCALE, first=1.0, stored=0.5, memory=preset, message=late) == preset
    newer = {"value": 0.6, "revision": 4, "sequence": 9}
    assert _settle(SCALE, first=1.0, stored=0.5, memory=preset, message=newer) == _Shown(0.6, 4)


def test_a_narrower_range_clamps_what_was_there() -> None:
    narrow = Scale(0.0, 1.0, 0.01)
    assert _settle(narrow, first=0.5, stored=1.8, memory=_Shown(1.8, 0), message={}).value == 1.0


def test_after_a_lost_session_the_browser_still_knows_its_value() -> None:
    known = {"value": 1.4, "revision": 2, "sequence": 30}
    assert _settle(SCALE, first=1.0, stored=None, memory=None, message=known) == _Shown(1.4, 2)


def test_a_link_or_a_preset_before_the_first_run_wins_over_the_default() -> None:
    def page() -> None:
        import streamlit as st

        from dashboard.components.live_slider import live_slider

        st.text(live_slider("s", minimum=0, maximum=2, value=1, step=0.1, key="s"))

    app = AppTest.from_function(page)
    app.session_state["s"] = 1.5
    assert not app.run().exception
    assert app.text[0].value == "1.5"
    app.session_state["s"] = 99.0
    assert app.run().text[0].value == "2.0"
    assert app.session_state["s"] == 2.0


def test_a_run_that_is_overtaken_anywhere_loses_nothing_of_the_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    def page() -> None:
        import streamlit as st

        from dashboard.components.live_slider import live_slider

        st.text(live_slider("s", minimum=0, maximum=2, value=1, step=0.1, key="s"))

    sent = {"value": 1.0, "revision": 0, "sequence": 1}
    monkeypatch.setattr("dashboard.components.live_slider.component.last_message", lambda state: sent)
    left = math.inf  # of the places where a newer message can overtake the run

    def overtake(runner: ScriptRunner) -> None:
        nonlocal left
        if runner._execing:  # before and after the script nothing is overtaken
            left -= 1
            if left == 0:
                raise StopException()

    monkeypatch.setattr(ScriptRunner, "_maybe_handle_execution_control_request", overtake)
    places = 0
    while left > 0:  # until a run has fewer places than that
        places, left = places + 1, math.inf
        sent["value"] = 1.0
        app = AppTest.from_function(page).run()
        sent["value"], left = 1.5, places
        app.run()
        if left > 0:
            break
        sent["value"], left = 1.7, math.inf
        assert app.run().text[0].value == "1.7", f"overtaken at the {places}th place"
    assert places > 5
