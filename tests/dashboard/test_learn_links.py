"""A link to Learn has the place and the predictions; what it cannot mean is said in a line."""

import pytest
from learning import EACH_CHOICE, PAGE, at_beat, guesses, words
from streamlit.testing.v1 import AppTest

from dashboard.components.draw_curve.component import read_curve
from dashboard.lessons.place import BEATS, Place, read_guesses, read_place, write_guesses
from dashboard.lessons.question import Choices, Curve
from dashboard.lessons.registry import BY_NUMBER, LESSONS

pytestmark = pytest.mark.usefixtures("runs")


@EACH_CHOICE
def test_a_choice_is_kept_in_the_address(lesson):
    for key in lesson.question.answers:
        at = at_beat(lesson, "predict")
        at.radio[0].set_value(key).run()
        assert at.query_params["guess"] == f"{lesson.number}{key}"


def test_the_path_lists_every_lesson_and_opens_it():
    at = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not at.exception
    for lesson in LESSONS:
        assert lesson.title in at.button(key=f"open-{lesson.number}").label
    at.button(key=f"open-{LESSONS[-1].number}").click().run()
    assert at.query_params["lesson"] == str(LESSONS[-1].number)
    assert LESSONS[-1].claim in words(at)


def test_lessons_are_numbered_in_order():
    numbers = [lesson.number for lesson in LESSONS]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("parameters", "place", "faults"),
    [
        ({}, Place(), 0),
        ({"lesson": "1", "beat": "do"}, Place(1, "do"), 0),
        ({"lesson": "1", "beat": "<script>"}, Place(1, "predict"), 1),
        ({"lesson": "99"}, Place(), 1),
        ({"lesson": "١"}, Place(), 1),
        ({"lesson": "1e0"}, Place(), 1),
        ({"beat": "do"}, Place(), 0),
    ],
)
def test_a_link_gives_a_place_that_exists(parameters, place, faults):
    found, wrong = read_place(parameters, BY_NUMBER)
    assert found == place
    assert len(wrong) == faults


@pytest.mark.parametrize("text", ["99a", "1", "1<script>", "1p", "1pnan_0_0_0_0", "1p1e999_0_0_0_0", "a" * 5000, "1p1"])
def test_a_tampered_prediction_is_refused_in_one_line(text):
    found, wrong = read_guesses(text, BY_NUMBER)
    assert found == {}
    assert len(wrong) == 1
    assert len(wrong[0]) < 200


def test_predictions_survive_a_link():
    made = {lesson.number: guesses(lesson)[0] for lesson in LESSONS}
    assert read_guesses(write_guesses(made, BY_NUMBER), BY_NUMBER) == (made, [])


def test_the_page_says_what_a_link_had_wrong_and_goes_on():
    at = AppTest.from_file(PAGE, default_timeout=60)
    at.query_params["lesson"] = "1"
    at.query_params["beat"] = "dance"
    at.query_params["guess"] = "1zzz"
    at.run()
    assert not at.exception
    assert "dance" in at.warning[0].value
    assert "1zzz" in at.warning[0].value
    assert LESSONS[0].claim in words(at)
    at.run()  # as the browser's message of what it keeps does
    assert "dance" in at.warning[0].value
    next(button for button in at.button if button.label == "Next: do").click().run()
    assert not at.warning


def test_every_question_can_be_written_and_read():
    for lesson in LESSONS:
        for guess in guesses(lesson):
            assert lesson.question.read(lesson.question.write(guess)) == guess
        assert isinstance(lesson.question, Choices | Curve)
    assert BEATS == ("predict", "do", "decide")


@pytest.mark.parametrize("drawn", [None, [], [1, 2], ["a"] * 3, [float("nan")] * 3, [True] * 3, {"a": 1}, [1e9] * 3])
def test_a_drawing_that_is_none_is_not_taken(drawn):
    assert read_curve(drawn, 3, -5, 1, 0.5) is None


def test_a_drawing_is_rounded_and_kept_in_the_picture():
    assert read_curve([-9.0, 0.3, 2], 3, -5, 1, 0.5) == [-5, 0.5, 1]
