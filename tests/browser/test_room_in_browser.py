"""A class in a room: a teacher and two phones in real browsers, and thirty phones that speak the browser's protocol."""

import re
from contextlib import ExitStack

from browsing import press, serious_faults, serious_faults_in_both_themes
from forging import Visitor
from playwright.sync_api import expect
from room_phones import Person, Teacher
from test_learn_in_browser import NARROW, PHONE, PROJECTOR

from dashboard.lessons.registry import BY_NUMBER

CHOICE, CURVE = BY_NUMBER[4], BY_NUMBER[1]
LATER = 60_000
"""Milliseconds for what comes by itself, while the suite runs beside."""


def test_a_teacher_and_two_phones_go_through_a_lesson(app_url, browser_of):
    teacher = browser_of(PROJECTOR).new_page()
    teacher.goto(f"{app_url}/room?lesson={CHOICE.number}")
    press(teacher, "Open a room")
    teacher.wait_for_url("**/room?room=*")
    link = teacher.url
    code = link.rpartition("=")[2]
    picture = teacher.get_by_role("img", name=f"QR picture of the address of room {code}")
    expect(picture).to_be_visible()
    assert picture.evaluate("img => img.naturalWidth") > 20

    ann, bens = browser_of(PHONE).new_page(), browser_of(PHONE)
    ann.goto(link)
    expect(ann.get_by_text("You are in.")).to_be_visible(timeout=LATER)
    ben = bens.new_page()
    ben.goto(f"{app_url}/room")
    ben.get_by_role("textbox", name="Code").fill(code.lower())
    press(ben, "Join")
    expect(ben.get_by_text("You are in.")).to_be_visible(timeout=LATER)
    expect(teacher.get_by_text("2 here")).to_be_visible(timeout=LATER)

    press(teacher, "1 Predict")
    for phone, answer in ((ann, "a"), (ben, "b")):  # the question comes by itself
        expect(phone.get_by_text(CHOICE.question.asks).first).to_be_visible(timeout=LATER)
        phone.get_by_text(CHOICE.question.answers[answer]).click()
        expect(phone.get_by_text("Your prediction is saved.")).to_be_visible(timeout=LATER)
    expect(teacher.get_by_text("· 2 predicted")).to_be_visible(timeout=LATER)
    expect(teacher.get_by_role("img", name="2 predicted so far. A explodes, B vanishes. 1.")).to_be_visible()
    assert not serious_faults(ann)
    ben.close()
    ben = bens.new_page()
    ben.goto(link)
    expect(ben.get_by_role("radio", name=CHOICE.question.answers["b"])).to_be_checked(timeout=LATER)

    press(teacher, "3 Decide")
    expect(ann.get_by_text("Not right.")).to_be_visible(timeout=LATER)
    expect(ben.get_by_text("Right.", exact=True)).to_be_visible(timeout=LATER)
    for phone in (ann, ben):
        phone.wait_for_selector(".live-chart[data-redraws]")
        phone.wait_for_function(NARROW, arg=PHONE["width"])
    assert not serious_faults_in_both_themes(ben)
    expect(teacher.get_by_text("The claim: False.")).to_be_visible(timeout=LATER)

    press(teacher, "Next lesson")
    expect(ann.get_by_text(BY_NUMBER[CHOICE.number + 1].question.asks).first).to_be_visible(timeout=LATER)

    press(teacher, f"Room {code}")
    press(teacher, "Close the room")
    expect(ann.get_by_text(f"Room {code} has closed.")).to_be_visible(timeout=LATER)
    expect(ann.get_by_role("textbox", name="Code")).to_be_visible()


def test_a_lesson_leads_to_a_room_of_that_lesson(app_url):
    with Visitor(app_url, "learn", f"lesson={CHOICE.number}&beat=predict") as teacher:
        teacher.rerun()
        drawn = teacher.rerun([teacher.state("open-room", None)])
    assert not drawn.tracebacks
    [chosen] = [e.selectbox for e in drawn.of("selectbox")]
    assert chosen.options[chosen.default].startswith(f"{CHOICE.number} ·")


def test_thirty_phones_and_a_teacher(app_url):
    """All of them at once on one server; one drops out and comes back, and a stranger has no seat."""
    with ExitStack() as people:
        teacher = people.enter_context(Teacher(app_url))
        code = teacher.open_room(CURVE.number)
        phones = [people.enter_context(Person(app_url, code)) for _ in range(30)]
        assert all("You are in." in phone.words for phone in phones)
        teacher.press("room-predict")
        key = f"lesson-{CURVE.number}-guess"
        for k, phone in enumerate(phones):
            phone.show(phone.look())  # the teacher has moved: the whole page is drawn
            assert CURVE.question.asks in phone.words
            values = [-0.1 * k * (lag + 1) for lag in range(5)]
            phone.choose(key, {"message": {"values": values, "sequence": 1}})
            assert "Your prediction is saved." in phone.words
        assert "30 predicted" in teacher.seen()

        stranger = people.enter_context(Person(app_url, "AAAAAA"))
        assert stranger.drawn.sentences[0].startswith("There is no room AAAAAA here.")
        for forged in ({"message": {"values": ["<b>"] * 5, "sequence": 2}}, {"message": {"values": [1e9] * 5}}):
            phones[0].choose(key, forged)
        back = people.enter_context(Person(app_url, code, phones[7].mark))
        assert "Your prediction is saved." in back.words
        again = people.enter_context(Person(app_url, mark=teacher.mark))
        again.press("room-own")
        assert "30 predicted" in again.words, "the teacher came back; nobody took a second seat"

        teacher.choose(f"room-lesson-{CURVE.number}", "<script>")
        assert teacher.drawn.sentences == ["The lesson must be a whole number from 1 to 12."]
        teacher.press("room-decide")
        [picture] = teacher.charts
        assert '"name":"30 predictions"' in picture
        for phone in phones:
            phone.show(phone.look())
            assert "The claim: False." in phone.words
        assert re.search("Not right|Partly right|Right", phones[0].words)
        teacher.press("room-close")
        phones[0].show(phones[0].look())
        assert phones[0].drawn.sentences[0].startswith(f"Room {code} has closed.")
