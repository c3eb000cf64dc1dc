"""The page Room without a browser: the teacher's view, the student's, and each way in that is refused."""

from pathlib import Path

import pytest
from learning import words
from streamlit.testing.v1 import AppTest

from dashboard.lessons.question import Choices
from dashboard.lessons.registry import BY_NUMBER
from dashboard.room import server_rooms
from dashboard.room.room import MOST_STUDENTS
from dashboard.room.tally import decided_picture

pytestmark = pytest.mark.usefixtures("runs", "fresh_rooms")

PAGE = str(Path(__file__).resolve().parents[2] / "dashboard/room/page.py")
CHOICE, CURVE = BY_NUMBER[4], BY_NUMBER[1]


@pytest.fixture
def fresh_rooms():
    """No room of another test is open."""
    server_rooms.rooms.clear()


def open_page(**parameters):
    at = AppTest.from_file(PAGE, default_timeout=60)
    for name, value in parameters.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def open_room(lesson):
    """The teacher's page, and the room's code."""
    at = open_page(lesson=str(lesson.number))
    at.button(key="room-open").click().run()
    assert not at.exception
    return at, at.query_params["room"]


def press(at, key):
    at.button(key=key).click().run()
    assert not at.exception
    return at


def charts(at):
    """Descriptions of the charts on the page."""
    return [chart.proto.bytes.decode() for chart in at.get("bidi_component") if b'"figure"' in chart.proto.bytes]


def test_a_class_from_the_door_to_the_verdict():
    teacher, code = open_room(CHOICE)
    assert code in "".join(html.proto.body for html in teacher.get("html"))
    student = open_page(room=code.lower())
    assert "You are in" in student.success[0].value
    assert student.query_params["room"] == code
    press(teacher, "room-predict")
    assert CHOICE.claim in words(teacher)
    assert "· 0 predicted" in words(teacher)

    student.run()
    assert CHOICE.question.asks in words(student)
    assert not charts(student), "a student sees nobody's prediction"
    student.radio[0].set_value("b").run()
    assert "Your prediction is saved." in words(student)
    teacher.run()
    assert "· 1 predicted" in words(teacher)
    assert "A vanishes, B explodes. 1." in charts(teacher)[0]
    assert "✓" not in charts(teacher)[0]

    press(teacher, "room-do")
    assert CHOICE.bench.tasks[0] in words(teacher)
    student.run()
    assert "Yours: **A vanishes, B explodes.**" in words(student)
    assert not student.radio

    press(teacher, "room-decide")
    student.run()
    for at in (teacher, student):
        assert "The claim: False." in words(at)
        assert "1 of 1 predicted it" in charts(at)[0]
    assert "**Right.**" in words(student)
    assert "**Right.**" not in words(teacher)


def test_the_classes_curves_lie_over_the_measured_one():
    teacher, code = open_room(CURVE)
    press(teacher, "room-predict")
    for name, decades in (("ann", -1.0), ("ben", -2.0)):
        server_rooms.rooms().enter(code, name)
        server_rooms.rooms().predict(code, name, CURVE.number, [decades * (k + 1) for k in range(5)])
    teacher.run()
    assert '"name":"2 predictions"' in charts(teacher)[0]
    assert "recorded" not in charts(teacher)[0]
    press(teacher, "room-decide")
    [picture] = charts(teacher)
    for line in ("recorded", "middle prediction", "2 predictions"):
        assert f'"name":"{line}"' in picture
    assert "your prediction" not in picture
    student = server_rooms.rooms().enter(code, "ben")
    own = decided_picture(CURVE, CURVE.measure(), student).figure.select_traces({"name": "your prediction"})
    assert [line.y[-1] for line in own] == [-10.0], "a student sees which curve is theirs"


def test_the_teacher_hides_the_predictions_and_changes_the_lesson():
    teacher, code = open_room(CHOICE)
    press(teacher, "room-predict")
    teacher.toggle(key="room-hidden").set_value(True).run()
    assert not charts(teacher)
    assert "0 predicted" in words(teacher)
    teacher.selectbox(key=f"room-lesson-{CHOICE.number}").set_value(CURVE.number).run()
    assert CURVE.claim in words(teacher)
    assert open_page(room=code).query_params["room"] == code


def test_a_page_follows_the_room_when_it_moves_or_closes():
    teacher, code = open_room(CHOICE)
    student = open_page(room=code)
    press(teacher, "room-do")
    student.run()
    assert "Predictions are closed. You have made none." in words(student)
    press(teacher, "room-close")
    assert teacher.button(key="room-open")
    assert "room" not in teacher.query_params
    student.run()
    assert student.error[0].value == f"Room {code} has closed. Ask your teacher for the code of the next room."
    assert "room" not in student.query_params
    assert student.text_input


def test_who_leaves_is_out_and_comes_in_again_with_the_code():
    teacher, code = open_room(CHOICE)
    student = open_page(room=code)
    press(student, "room-leave")
    assert student.text_input
    assert server_rooms.rooms().enter(code, "ann").here == 1
    student.text_input[0].set_value(f"{code[:3]} {code[3:]}")
    student.button[0].click().run()
    assert "You are in" in student.success[0].value
    assert teacher.query_params["room"] == code


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("AAAAAA", "There is no room AAAAAA here. Compare the code with the one that your teacher shows."),
        ("<img src=x>", "The code was '\\<img src=x\\>'; a code has 6 letters and digits, as in K7QD4X."),
        ("0" * 5000, "The code was '0000"),
    ],
)
def test_a_wrong_code_gets_one_sentence_and_the_way_in(given, says):
    stranger = open_page(room=given)
    assert len(stranger.error) == 1
    assert stranger.error[0].value.startswith(says)
    assert len(stranger.error[0].value) < 300
    assert stranger.text_input
    assert not open_page().error, "without a code nothing is wrong"


def test_a_full_room_and_a_second_room_of_a_teacher_are_refused_in_one_sentence():
    teacher, code = open_room(CHOICE)
    for k in range(MOST_STUDENTS):
        server_rooms.rooms().enter(code, f"student {k}")
    late = open_page(room=code)
    assert late.error[0].value.startswith(f"Room {code} is full: it has {MOST_STUDENTS} students.")
    del teacher.query_params["room"]
    teacher.session_state["room-code"] = None
    teacher.run()
    assert not any(button.key == "room-open" for button in teacher.button)
    press(teacher, "room-own")
    assert teacher.query_params["room"] == code
    assert isinstance(CHOICE.question, Choices)
