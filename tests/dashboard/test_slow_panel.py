"""A slow panel on a page: what was left begins again, what failed is not said to come, closed pages compute nothing."""

import threading
import time

import pytest
from streamlit.testing.v1 import AppTest

from analysis.figures.picture import Picture
from analysis.figures.theme import figure
from dashboard.server.computing import Computing


class Slow:
    """A chart that comes when it may."""

    def __init__(self) -> None:
        self.may_come = threading.Event()
        self.begun = threading.Event()

    def draw(self) -> Picture:
        self.begun.set()
        while not self.may_come.is_set():
            time.sleep(0.002)
        return Picture("credit", figure("credit", "", "", 300), "", "")


def page(draw):
    """Two panels, one of which is slow."""
    import streamlit as st

    from dashboard.explore.panel import Panel
    from dashboard.explore.slow_panel import end_computing, show_slow_panel

    if st.session_state.get("away"):
        end_computing()
    else:
        show_slow_panel(Panel(({"credit": draw},)), ("Credit", "the same pass"), "{}")


def opened(draw) -> AppTest:
    return AppTest.from_function(page, args=(draw,), default_timeout=30).run()


def says_computing(at: AppTest) -> bool:
    return any("Computing the credit matrix" in element.proto.body for element in at.get("html"))


def test_a_panel_that_was_left_before_it_was_there_is_computed_when_the_visitor_comes_back():
    slow = Slow()
    at = opened(slow.draw)
    assert says_computing(at)
    at.session_state["away"] = True
    at.run()
    slow.may_come.set()
    at.session_state["away"] = False
    at.run()
    for _ in range(100):  # each looks again after a moment, as the page does
        if not says_computing(at):
            break
        at.run()
    assert not says_computing(at)
    assert "credit" in at.session_state["computed-{}"]


def test_a_chart_that_could_not_be_computed_is_not_said_to_be_computed(caplog: pytest.LogCaptureFixture):
    def fail() -> Picture:
        raise ValueError("no such chart")

    at = opened(fail)
    assert ["could not be computed" in error.value for error in at.error] == [True]
    assert not says_computing(at)
    assert "no such chart" in caplog.text


def test_what_a_closed_page_computes_ends_when_the_next_page_begins():
    left, new = Slow(), Slow()
    is_open = threading.Event()
    is_open.set()
    first = Computing(("left",), {"credit": left.draw}, is_open.is_set)
    assert left.begun.wait(20)
    is_open.clear()
    second = Computing(("new",), {"credit": new.draw})
    first.wait(20)
    assert first.is_done()
    assert first.gave_way
    assert not second.is_done()
    new.may_come.set()
    second.wait(20)
    assert list(second.pictures) == ["credit"]
    assert not second.gave_way
