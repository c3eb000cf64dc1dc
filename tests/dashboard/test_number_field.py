"""A number that is not allowed: a sentence under its field, and the last one that was."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components import number_field


def fields() -> None:
    import streamlit as st

    from dashboard.components.number_field import number_field
    from dashboard.explore.control import Slide, Whole

    for key, value in (("size", 64), ("rate", 0.1), ("after", 0)):
        st.session_state.setdefault(key, value)
    st.session_state.setdefault("calls", 0)

    def count() -> None:
        st.session_state["calls"] += 1

    number_field(Whole("Hidden units", 64, 1, 512), "size", then=count)
    number_field(Slide("Learning rate", 0.1, 0.001, 10.0, 0.1), "rate")
    number_field(Whole("Truncate after", 0, 0, 100, least="never"), "after")


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_function(fields).run()


@pytest.mark.parametrize(
    ("key", "given", "kept", "sentence"),
    [
        ("size", 513, 64, "Hidden units was 513; it must be a whole number from 1 to 512."),
        ("size", -1, 64, "Hidden units was -1; it must be a whole number from 1 to 512."),
        ("rate", -3.0, 0.1, "Learning rate was −3; it must be a number from 0.001 to 10."),
        ("rate", 1e300, 0.1, "Learning rate was 1×10³⁰⁰; it must be a number from 0.001 to 10."),
        ("size", 0, 64, "Hidden units was 0 or empty; it must be a whole number from 1 to 512."),
        ("size", 10**9, 64, "Hidden units was 1,000,000,000; it must be a whole number from 1 to 512."),
        ("after", 101, None, "Truncate after was 101; it must be a whole number from 0 to 100."),
    ],
)
def test_what_is_not_allowed_goes_back_and_is_said_for_a_while(page, key, given, kept, sentence, monkeypatch):
    page.number_input(key=key).set_value(given).run()
    assert not page.exception
    assert page.number_input(key=key).value == kept
    assert [box.value for box in page.error] == [sentence]
    assert page.session_state["calls"] == 0
    assert page.run().error, "a page that draws itself anew leaves time to read"
    monkeypatch.setattr(number_field, "READING_SECONDS", 0.0)
    page.number_input(key=key).set_value(given).run()
    assert not page.run().error


def test_what_is_allowed_is_taken(page):
    page.number_input(key="size").set_value(512)
    page.number_input(key="after").set_value(7).run()
    assert not page.error
    assert (page.number_input(key="size").value, page.number_input(key="after").value) == (512, 7)
    assert page.session_state["calls"] == 1


def test_a_number_that_is_allowed_takes_the_sentence_away(page):
    page.number_input(key="size").set_value(1000).run()
    assert page.error
    page.number_input(key="size").set_value(100).run()
    assert not page.error


def test_the_last_of_several_allowed_numbers_is_the_one_that_comes_back(page):
    page.number_input(key="size").set_value(100).run()
    page.number_input(key="size").set_value(1000).run()
    assert page.number_input(key="size").value == 100
