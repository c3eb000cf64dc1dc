"""What the browser says was done is taken where it can be true, and not after the wish to forget it."""

import pytest
from learning import PAGE, words
from streamlit.testing.v1 import AppTest

from dashboard.components.kept_progress import component

pytestmark = pytest.mark.usefixtures("runs")


@pytest.fixture
def says(monkeypatch):
    """A function that lets the browser say something."""

    def say(message):
        monkeypatch.setattr(component, "last_message", lambda key: message)

    return say


def overview():
    at = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not at.exception
    return at


def test_what_the_browser_knows_is_shown_and_the_next_lesson_is_offered(says):
    says({"done": ["1-predict", "1-decide", "2-do"], "forget": ""})
    at = overview()
    assert "✓\N{NO-BREAK SPACE}predicted, decided" in words(at)
    assert "✓\N{NO-BREAK SPACE}tried" in words(at)
    assert at.button(key="next").label.startswith("Next lesson: 2")


def test_what_was_to_be_forgotten_stays_forgotten(says):
    says({"done": ["1-decide"], "forget": ""})  # as it was before: the browser's answer comes later
    at = overview()
    at.button(key="forget").click().run()
    assert not at.exception
    assert "✓" not in words(at)
    assert "guess" not in at.query_params


def test_what_another_tab_forgot_is_forgotten_once(says):
    says({"done": ["1-decide"], "forget": ""})
    at = overview()
    assert "✓\N{NO-BREAK SPACE}decided" in words(at)
    at.session_state["lesson-predictions"].guesses[1] = "a"
    says({"done": ["2-do"], "forget": "", "forgotten": "a wish"})
    assert "decided" not in words(at.run())
    assert "✓\N{NO-BREAK SPACE}tried" in words(at)
    assert not at.session_state["lesson-predictions"].guesses
    at.session_state["lesson-predictions"].done.add((3, "predict"))  # and what comes after it is kept
    assert "✓\N{NO-BREAK SPACE}predicted" in words(at.run())


@pytest.mark.parametrize(
    "message",
    [{}, {"done": None, "forget": ""}, {"done": [1, None, "99-do", "1-dance", {}], "forget": ""},
     {"done": ["1-decide"], "forget": "other"}, {"done": "1-decide", "forget": ""},
     {"done": ["1-decide"], "forget": "", "forgotten": 1}],
)  # fmt: skip
def test_what_no_browser_would_say_is_not_taken(says, message):
    says(message)
    assert "✓" not in words(overview())
