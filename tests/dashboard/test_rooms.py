"""Rooms without a page: who is in, what is kept, what ends, and what is refused in one sentence."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.lessons.question import Choices
from dashboard.lessons.registry import BY_NUMBER
from dashboard.room import codes
from dashboard.room import room as one_room
from dashboard.room.errors import ClosedError, RoomError
from dashboard.room.room import MOST_STUDENTS
from dashboard.room.rooms import MOST_OF_A_NETWORK, MOST_ROOMS, Rooms

QUESTIONS = {number: lesson.question for number, lesson in BY_NUMBER.items()}
CURVE, CHOICE = 1, 4


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rooms(clock):
    return Rooms(QUESTIONS, clock)


@pytest.fixture
def code(rooms):
    return rooms.open_room("teacher", CHOICE)


def curve(value):
    return [value] * len(QUESTIONS[CURVE].lags)


def test_thirty_students_predict_at_once_and_all_is_counted(rooms, code):
    """A class on its phones, one thread per phone, while the teacher looks on and then goes on."""
    rooms.move(code, "teacher", CURVE, "predict")

    def student(k):
        rooms.enter(code, f"student {k}")
        for turn in range(20):
            rooms.predict(code, f"student {k}", CURVE, curve(-0.5 * (k % 5)))
            assert rooms.look(code, "teacher").predicted <= 30
            rooms.look(code, f"student {k}")
            if turn % 7 == k % 7:
                rooms.enter(code, f"student {k}")  # dropped out and came back

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(30) as phones:
            list(phones.map(student, range(30)))
    finally:
        sys.setswitchinterval(interval)
    seen = rooms.look(code, "teacher")
    assert (seen.here, seen.predicted) == (30, 30)
    assert sorted(guess[0] for guess in seen.guesses) == sorted(-0.5 * (k % 5) for k in range(30))
    rooms.move(code, "teacher", CURVE, "decide")
    assert rooms.look(code, "student 7").guesses == seen.guesses
    assert rooms.look(code, "student 7").own == tuple(curve(-1.0))


def test_a_student_who_returns_has_the_place_and_the_prediction(rooms, clock, code):
    rooms.enter(code, "ann")
    rooms.move(code, "teacher", CHOICE, "predict")
    rooms.predict(code, "ann", CHOICE, "b")
    clock.now += 3600
    assert rooms.look(code, "teacher").here == 0
    assert rooms.look(code, "teacher").predicted == 1
    back = rooms.enter(code, "ann")
    assert (back.own, back.predicted, back.here, back.stage) == ("b", 1, 1, "predict")


def test_predictions_are_kept_by_lesson(rooms, code):
    rooms.enter(code, "ann")
    for lesson, guess in ((CHOICE, "a"), (CURVE, curve(-2))):
        rooms.move(code, "teacher", lesson, "predict")
        assert rooms.look(code, "ann").own is None
        rooms.predict(code, "ann", lesson, guess)
    rooms.move(code, "teacher", CHOICE, "decide")
    assert rooms.look(code, "ann").own == "a"
    assert rooms.look(code, "ann").guesses == ("a",)


@pytest.mark.parametrize("stage", ["join", "predict", "do"])
def test_a_student_sees_no_predictions_before_the_room_decides(rooms, code, stage):
    for name in ("ann", "ben"):
        rooms.enter(code, name)
    rooms.move(code, "teacher", CHOICE, "predict")
    rooms.predict(code, "ann", CHOICE, "a")
    rooms.move(code, "teacher", CHOICE, stage)
    assert rooms.look(code, "ben").guesses == ()
    assert rooms.look(code, "teacher").guesses == ("a",)


def test_a_teacher_who_reloads_keeps_the_room_and_opens_no_second_one(rooms, code):
    assert rooms.enter(code, "teacher").teaches
    assert rooms.room_of("teacher") == code
    with pytest.raises(RoomError, match=f"You teach in room {code} already"):
        rooms.open_room("teacher", CURVE)
    rooms.close(code, "teacher")
    assert rooms.room_of("teacher") is None
    assert rooms.open_room("teacher", CURVE) != code


def test_two_teachers_have_two_rooms_and_neither_moves_the_others(rooms, code):
    other = rooms.open_room("second teacher", CURVE)
    assert other != code
    rooms.enter(code, "second teacher")
    for forbidden in (
        lambda: rooms.move(code, "second teacher", CHOICE, "do"),
        lambda: rooms.close(code, "second teacher"),
    ):
        with pytest.raises(RoomError, match=f"Room {code} already has a teacher"):
            forbidden()
    assert rooms.look(code, "teacher").stage == "join"


def test_a_stranger_without_the_code_is_not_in(rooms, code):
    rooms.move(code, "teacher", CHOICE, "predict")
    for forbidden in (
        lambda: rooms.look(code, "stranger"),
        lambda: rooms.predict(code, "stranger", CHOICE, "a"),
        lambda: rooms.move(code, "stranger", CHOICE, "do"),
        lambda: rooms.close(code, "stranger"),
    ):
        with pytest.raises(ClosedError, match=f"There is no room {code} here"):
            forbidden()
    assert rooms.look(code, "teacher").predicted == 0


def test_a_wrong_code_is_refused_and_too_many_of_them_close_the_door(rooms, clock, code):
    wrong = "A" * codes.LENGTH if code != "A" * codes.LENGTH else "B" * codes.LENGTH
    for _ in range(int(codes.WRONG_AT_ONCE)):
        with pytest.raises(ClosedError, match="There is no room"):
            rooms.enter(wrong, "eve", "192.0.2.7")
    for given in (wrong, code):  # the right code, too: else it could be told from a wrong one
        with pytest.raises(RoomError, match="Too many wrong codes"):
            rooms.enter(given, "eve", "192.0.2.7")
    assert rooms.enter(code, "ann", "192.0.2.8").code == code
    assert rooms.enter(code, "teacher", "192.0.2.7").teaches, "who is in already is not kept out"
    clock.now += 2 / codes.WRONG_A_SECOND
    assert rooms.enter(code, "eve", "192.0.2.7").code == code


def test_wrong_codes_of_many_networks_are_counted_in_bounded_memory(rooms):
    limits = codes.WrongCodes()
    for k in range(codes.MOST_NETWORKS + 50):
        limits.count(f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}", 0.0)
    assert len(limits._left) == codes.MOST_NETWORKS
    assert codes.network_of("2001:db8::1") == codes.network_of("2001:db8::ffff") != codes.network_of("2001:db8:0:1::1")
    assert codes.network_of("not an address") == ""


@pytest.mark.parametrize("given", [None, "", 5, "K7QD4", "K7QD4XX", "K7QD0X", "<b>x</b>", "K7QD4Х", "x" * 10**6, ["a"]])
def test_what_is_no_code_is_refused_in_one_short_sentence(rooms, given):
    with pytest.raises(RoomError, match="a code has 6 letters and digits") as refused:
        rooms.enter(given, "ann")
    assert len(str(refused.value)) < 250


def test_a_code_is_read_as_people_type_it(rooms, code):
    assert rooms.enter(f" {code[:3].lower()}-{code[3:]} ", "ann").code == code


def test_codes_cannot_be_foreseen_and_use_no_signs_that_look_alike():
    drawn = {codes.draw_code() for _ in range(300)}
    assert len(drawn) == 300
    assert not set("".join(drawn)) & set("01OIL")
    assert len(codes.SIGNS) ** codes.LENGTH > 8e8


def test_a_full_room_refuses_and_a_seat_that_nobody_used_is_given_on(rooms, clock, code):
    rooms.move(code, "teacher", CHOICE, "predict")
    for k in range(MOST_STUDENTS):
        rooms.enter(code, f"student {k}")
        if k:
            rooms.predict(code, f"student {k}", CHOICE, "a")
    with pytest.raises(RoomError, match=f"Room {code} is full: it has {MOST_STUDENTS} students"):
        rooms.enter(code, "late")
    clock.now += one_room.AWAY_SECONDS + 1
    assert rooms.enter(code, "late").code == code
    with pytest.raises(RoomError, match="is full"):
        rooms.enter(code, "student 0")
    assert rooms.look(code, "student 1").own == "a", "who has predicted keeps the seat"


def test_a_room_ends_by_itself_and_its_late_students_are_told(rooms, clock, code):
    rooms.enter(code, "ann")
    clock.now += one_room.LIFE_SECONDS - 1
    rooms.move(code, "teacher", CHOICE, "do")
    clock.now += one_room.LIFE_SECONDS - 1
    assert rooms.look(code, "ann").stage == "do"
    clock.now += 2
    for late in (lambda: rooms.look(code, "ann"), lambda: rooms.enter(code, "ben")):
        with pytest.raises(ClosedError, match=f"Room {code} has closed"):
            late()
    assert rooms.open_room("teacher", CHOICE) != code


def test_an_empty_room_that_its_teacher_left_ends_sooner(rooms, clock, code):
    clock.now += one_room.EMPTY_SECONDS - 1
    rooms.look(code, "teacher")
    clock.now += one_room.EMPTY_SECONDS - 1
    assert rooms.room_of("teacher") == code
    clock.now += 2
    assert rooms.room_of("teacher") is None


def test_rooms_are_capped_in_all_and_for_one_network(rooms):
    for k in range(MOST_OF_A_NETWORK):
        rooms.open_room(f"teacher {k}", CHOICE, "192.0.2.7")
    with pytest.raises(RoomError, match="Too many rooms are open"):
        rooms.open_room("one more", CHOICE, "192.0.2.7")
    for k in range(MOST_OF_A_NETWORK, MOST_ROOMS):
        rooms.open_room(f"teacher {k}", CHOICE, f"192.0.2.{k + 10}")
    with pytest.raises(RoomError, match="Too many rooms are open"):
        rooms.open_room("one more", CHOICE, "198.51.100.1")


FORGED = [None, 5, True, "z", "<script>", [], ["a"], [-1, -2], curve("a"), curve(float("nan")), curve(1e9), [1e300] * 5,
          {"a": 1}, "x" * 10**6]  # fmt: skip


@pytest.mark.parametrize("lesson", [CURVE, CHOICE])
@pytest.mark.parametrize("given", FORGED, ids=range(len(FORGED)))
def test_a_forged_prediction_is_refused_in_one_short_sentence(rooms, code, lesson, given):
    rooms.enter(code, "ann")
    rooms.move(code, "teacher", lesson, "predict")
    with pytest.raises(RoomError, match="it must be") as refused:
        rooms.predict(code, "ann", lesson, given)
    assert len(str(refused.value)) < 250
    assert rooms.look(code, "teacher").predicted == 0


def test_whatever_is_kept_is_one_of_the_questions_own_values(rooms, code):
    rooms.enter(code, "ann")
    rooms.move(code, "teacher", CURVE, "predict")
    rooms.predict(code, "ann", CURVE, [-0.26, "-1", -3, -4.9, -5])
    assert rooms.look(code, "ann").own == (-0.5, -1.0, -3.0, -5.0, -5.0)
    assert isinstance(QUESTIONS[CHOICE], Choices)


def test_predictions_are_closed_while_the_class_does_something_else(rooms, code):
    rooms.enter(code, "ann")
    for stage in ("join", "do", "decide"):
        rooms.move(code, "teacher", CHOICE, stage)
        with pytest.raises(RoomError, match="Predictions are closed"):
            rooms.predict(code, "ann", CHOICE, "a")
    rooms.move(code, "teacher", 3, "predict")  # a late tap on another lesson's answer
    with pytest.raises(RoomError, match="Predictions are closed"):
        rooms.predict(code, "ann", CHOICE, "a")


@pytest.mark.parametrize(("lesson", "stage"), [(99, "do"), ("x", "do"), (None, "do"), (1, "dance"), (1, None), (1, [])])
def test_a_forged_move_leaves_the_room_where_it_is(rooms, code, lesson, stage):
    with pytest.raises(RoomError, match="must be"):
        rooms.move(code, "teacher", lesson, stage)
    assert rooms.look(code, "teacher").lesson == CHOICE


def test_who_leaves_is_forgotten(rooms, code):
    rooms.enter(code, "ann")
    rooms.move(code, "teacher", CHOICE, "predict")
    rooms.predict(code, "ann", CHOICE, "a")
    rooms.leave(code, "ann")
    seen = rooms.look(code, "teacher")
    assert (seen.here, seen.predicted, seen.guesses) == (0, 0, ())


def test_nothing_kept_names_a_visitor_and_two_rooms_share_nothing(rooms, code):
    other = rooms.open_room("second teacher", CURVE)
    for room in (code, other):
        rooms.enter(room, "visitor-7f3a")
    kept = [set(rooms._rooms[room]._seats) for room in (code, other)]
    assert not kept[0] & kept[1]
    assert "visitor-7f3a" not in repr([vars(room) for room in rooms._rooms.values()])
    rooms.close(code, "teacher")
    assert code not in rooms._rooms
