"""Slow pictures come one after the other, and newer settings end what is still computed."""

import threading
import time

import pytest

from analysis.figures.picture import Picture
from analysis.figures.theme import figure
from dashboard.server.computing import Computing


def picture(name: str) -> Picture:
    return Picture(name, figure(name, "", "", 300), "", "")


def test_pictures_come_in_their_order_and_each_as_soon_as_it_is_there():
    first, second = threading.Event(), threading.Event()

    def draw(name: str, may_go: threading.Event) -> Picture:
        assert may_go.wait(20)
        return picture(name)

    made = Computing(("panel",), {"a": lambda: draw("a", first), "b": lambda: draw("b", second)})
    first.set()
    for _ in range(2000):
        if "a" in made.pictures:
            break
        time.sleep(0.01)
    assert list(made.pictures) == ["a"]
    assert not made.is_done()
    second.set()
    made.wait(20)
    assert made.is_done()
    assert list(made.pictures) == ["a", "b"]


def test_newer_settings_end_a_long_loop():
    begun = threading.Event()

    def draw_for_ever() -> Picture:
        while True:
            begun.set()
            sum(range(100))

    made = Computing(("panel",), {"endless": draw_for_ever, "next": lambda: picture("next")})
    assert begun.wait(20)
    made.supersede()
    made.wait(20)
    assert made.is_done()
    assert made.pictures == {}
    assert made.error is None


def test_a_picture_that_cannot_be_computed_is_told(caplog: pytest.LogCaptureFixture):
    def fail() -> Picture:
        raise ValueError("no such chart")

    made = Computing(("panel",), {"bad": fail})
    made.wait(20)
    assert isinstance(made.error, ValueError)
    assert "could not be computed" in caplog.text
    made.supersede()  # after the end it does nothing, to whichever thread has its number by then
    assert not made._in_draws
