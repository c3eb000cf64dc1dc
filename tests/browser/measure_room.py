"""A class of thirty and its teacher on one server: how long each of them waits for an answer.

Run by `make measure-room`, a minute and a half long. Each student is a Streamlit session that asks how the room is once
a second, as the page does, and changes its prediction every three seconds. Meanwhile the teacher's screen draws all
predictions once a second, and the teacher drags: while the class predicts, Explore's largest singular value (three
cells, T = 200, H = 64, batch 16); in the next beat, the lesson's own experiment. Loopback only.
"""

import json
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from browsing import serve_app
from room_phones import Person, Teacher
from websockets.sync.client import connect

from dashboard.lessons.registry import BY_NUMBER

STUDENTS = 30
SECONDS = float(os.environ.get("SECONDS_LONG", "30"))
LIMIT_S = 1.0
LESSON = 1
MOVES_A_SECOND = 20
STATE = {"seq_len": 200, "hidden_size": 64, "batch_size": 16}


class Waits:
    """How long each kind of answer took, in seconds."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Note how long this took."""
        began = time.monotonic()
        yield
        self.of[kind].append(time.monotonic() - began)

    def report(self) -> None:
        """Print one line per kind, and one for all."""
        everything = [wait for waits in self.of.values() for wait in waits]
        for kind, waits in [*self.of.items(), ("every answer", everything)]:
            middle, most, longest = np.quantile(waits, [0.5, 0.95, 1.0])
            late = sum(wait > LIMIT_S for wait in waits)
            print(
                f"{kind:<32} {len(waits):>5} answers: median {middle:.3f} s, 95 of 100 within {most:.3f} s, "
                f"longest {longest:.3f} s, {late} later than {LIMIT_S:g} s"
            )


def main() -> None:
    """Print the figures."""
    waits = Waits()
    with tempfile.TemporaryDirectory() as folder:
        server, url = serve_app(Path(folder), Path(folder) / "log")
        try:
            hold_class(url, waits)
        finally:
            server.terminate()
            server.wait(timeout=10)
    print(f"{STUDENTS} students and a teacher, {SECONDS:.0f} s in each of two beats")
    waits.report()


def hold_class(url: str, waits: Waits) -> None:
    """From the door to the verdict."""
    with ExitStack() as stack:
        teacher = stack.enter_context(Teacher(url))
        code = teacher.open_room(LESSON)
        students = [stack.enter_context(Person(url, code)) for _ in range(STUDENTS)]
        stack.enter_context(Person(url, mark=teacher.mark))  # what is first done on the server is not what is measured
        ask_explore(url, 0.0)
        move(teacher, students, "room-predict", waits)
        everybody(
            [lambda end, s=s, k=k: predict(s, k, end, waits) for k, s in enumerate(students)]
            + [lambda end: look_on(teacher, end, waits), lambda end: drag_explore(url, end, waits)]
        )
        move(teacher, students, "room-do", waits)
        everybody(
            [lambda end, s=s: look_on(s, end, waits, "a phone looks at the room") for s in students]
            + [lambda end: drag_lesson(teacher, end, waits)]
        )
        move(teacher, students, "room-decide", waits)


def everybody(people: list[Callable[[float], None]]) -> None:
    """Let everybody do what they do, at the same time, until the end."""
    end = time.monotonic() + SECONDS
    threads = [threading.Thread(target=person, args=(end,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def move(teacher: Teacher, students: list[Person], beat: str, waits: Waits) -> None:
    """The teacher goes on; each student's page follows when it next looks."""
    with waits.timed("the teacher goes on"):
        teacher.press(beat)

    def follow(student: Person, k: int) -> None:
        time.sleep(k / STUDENTS)  # pages look at different moments of a second
        with waits.timed("a phone goes on"):
            student.show(student.look())

    threads = [threading.Thread(target=follow, args=(student, k)) for k, student in enumerate(students)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def predict(student: Person, k: int, end: float, waits: Waits) -> None:
    """Look once a second, and predict anew every third time."""
    generator = np.random.default_rng(k)
    question = BY_NUMBER[LESSON].question
    time.sleep(k / STUDENTS)
    turn = k
    while (began := time.monotonic()) < end:
        turn += 1
        if turn % 3 == 0:
            curve = np.cumsum(generator.uniform(-2.0, 0.0, len(question.lags))).tolist()
            with waits.timed("a phone predicts"):
                student.choose(f"lesson-{LESSON}-guess", {"message": {"values": curve, "sequence": turn}})
        else:
            with waits.timed("a phone looks at the room"):
                student.look()
        time.sleep(max(0.0, began + 1 - time.monotonic()))


def look_on(person: Person, end: float, waits: Waits, kind: str = "the teacher sees predictions") -> None:
    """Look once a second."""
    time.sleep(np.random.default_rng(id(person)).uniform())
    while (began := time.monotonic()) < end:
        with waits.timed(kind):
            person.look()
        time.sleep(max(0.0, began + 1 - time.monotonic()))


def drag_explore(url: str, end: float, waits: Waits) -> None:
    """Move the slider as a hand does; the next question leaves when the last one is answered."""
    with connect(f"{url.replace('http', 'ws')}/live", max_size=None) as socket:
        while (began := time.monotonic()) < end:
            with waits.timed("the teacher drags in Explore"):
                ask(socket, 1.0 + 0.5 * np.sin(began))
            time.sleep(max(0.0, began + 1 / MOVES_A_SECOND - time.monotonic()))


def ask_explore(url: str, value: float) -> None:
    """One question on a socket of its own."""
    with connect(f"{url.replace('http', 'ws')}/live", max_size=None) as socket:
        ask(socket, 1.0 + value)


def ask(socket: object, value: float) -> None:
    """Ask for Explore's picture and words at a value of the slider."""
    state = {**STATE, "largest_singular_value": float(value)}
    socket.send(json.dumps({"lab": "explore", "state": state, "charts": ["profile"], "words": True}))
    answer = json.loads(socket.recv())
    if "error" in answer:
        raise RuntimeError(answer["error"])


def drag_lesson(teacher: Teacher, end: float, waits: Waits) -> None:
    """Move the lesson's first slider; the server takes five moves a second of a page for long."""
    slider = BY_NUMBER[LESSON].bench.controls[0]
    key = f"lesson-{LESSON}-{slider.key}"
    key = next(known for known in teacher.ids if known.startswith(key))
    turn = 0
    while (began := time.monotonic()) < end:
        turn += 1
        value = (slider.minimum + slider.maximum) / 2 + (slider.maximum - slider.minimum) / 4 * float(np.sin(turn / 9))
        state = teacher.state(key, {"message": {"value": value, "revision": turn}})
        with waits.timed("the teacher drags in the lesson"):
            teacher.rerun([state], teacher.ids[key][1])
        if turn % 5 == 0:
            teacher.look()
        time.sleep(max(0.0, began + 1 / 4 - time.monotonic()))


if __name__ == "__main__":
    main()
