"""All rooms of a server: bounded, for threads, kept in memory alone, and forgotten when they close."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping

from dashboard.lessons.question import Choices, Curve
from dashboard.room.codes import WrongCodes, draw_code, network_of, read_code
from dashboard.room.errors import ClosedError, RoomError
from dashboard.room.guesses import read_guess
from dashboard.room.room import STAGES, Room, View
from dashboard.server.checks import read_whole_number, read_word

MOST_ROOMS = 30
MOST_OF_A_NETWORK = 10
"""Rooms that may be opened from one network: the teachers of one school, whose addresses look alike from outside."""
MOST_CLOSED = 1000
"""Closed rooms whose codes are remembered, so that a late student is told what has become of the room."""


class Rooms:
    """Who teaches and who predicts in which room.

    A visitor is the text that `dashboard.server.visitor` gives; a room keeps only a mark of it that means nothing
    elsewhere. Every method may be called from any thread, with values of any type that a browser sends.
    """

    def __init__(self, questions: Mapping[int, Choices | Curve], clock: Callable[[], float] = time.monotonic) -> None:
        self._questions = questions
        """Lesson → its question."""
        self._clock = clock
        self._rooms: dict[str, Room] = {}
        self._networks: dict[str, str] = {}
        """Code → the network from which the room was opened."""
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._wrong = WrongCodes()
        self._lock = threading.Lock()

    def open_room(self, teacher: str, lesson: object, address: str = "") -> str:
        """The code of a new room that this visitor teaches.

        Raises:
            RoomError: the visitor has a room already, there are too many, or no such lesson.
        """
        number = self._read_lesson(lesson)
        with self._lock:
            now = self._sweep()
            if (own := self._taught_by(teacher)) is not None:
                raise RoomError(f"You teach in room {own} already. Go back to it, or close it before you open another.")
            network = network_of(address)
            if len(self._rooms) >= MOST_ROOMS or Counter(self._networks.values())[network] >= MOST_OF_A_NETWORK:
                raise RoomError(f"Too many rooms are open ({len(self._rooms)}). Try again when a class has ended.")
            code = draw_code()
            while code in self._rooms or code in self._closed:
                code = draw_code()
            self._rooms[code] = Room(code, teacher, number, now)
            self._networks[code] = network
        return code

    def enter(self, given: object, visitor: str, address: str = "") -> View:
        """The room of a code, in which this visitor now has a seat, unless they teach there.

        Raises:
            RoomError: the code is wrong, the room has closed or is full, or too many wrong codes came from there.
        """
        code = read_code(given)
        with self._lock:
            now = self._sweep()
            room = self._rooms.get(code)
            if room is not None and room.has(visitor):
                return room.view(visitor, now)
            if not self._wrong.may_try(address, now):
                raise RoomError("Too many wrong codes came from your network. Wait a minute, then try again.")
            if room is None:
                if code not in self._closed:
                    self._wrong.count(address, now)
                raise self._no_room(code)
            room.seat(visitor, now)
            return room.view(visitor, now)

    def look(self, code: str, visitor: str) -> View:
        """The room as it is now, for those who are in it.

        Raises:
            RoomError: it has closed, or the visitor is not in it.
        """
        with self._lock:
            now = self._sweep()
            return self._room_with(code, visitor).view(visitor, now)

    def predict(self, code: str, visitor: str, lesson: int, given: object) -> None:
        """Keep a student's prediction, in the place of an earlier one.

        Raises:
            RoomError: it is none, the room does not predict now, or the visitor is not in it.
        """
        guess = read_guess(self._questions[self._read_lesson(lesson)], given)
        with self._lock:
            self._sweep()
            self._room_with(code, visitor).predict(visitor, lesson, guess)

    def move(self, code: str, visitor: str, lesson: object, stage: object) -> None:
        """Move the room to a lesson's beat.

        Raises:
            RoomError: the visitor does not teach there, or there is no such lesson or beat.
        """
        number = self._read_lesson(lesson)
        try:
            read_word(stage, STAGES)
        except ValueError as allowed:
            raise RoomError(f"The beat must be {allowed}.") from None
        with self._lock:
            now = self._sweep()
            room = self._taught(code, visitor)
            room.move(number, next(s for s in STAGES if s == stage), now)

    def close(self, code: str, visitor: str) -> None:
        """Close a room and forget all that was predicted in it.

        Raises:
            RoomError: the visitor does not teach there.
        """
        with self._lock:
            self._sweep()
            self._forget(self._taught(code, visitor).code)

    def leave(self, code: str, visitor: str) -> None:
        """Forget a student and their predictions."""
        with self._lock:
            if (room := self._rooms.get(code)) is not None:
                room.unseat(visitor)

    def room_of(self, teacher: str) -> str | None:
        """The code of the room that this visitor teaches."""
        with self._lock:
            self._sweep()
            return self._taught_by(teacher)

    def _read_lesson(self, given: object) -> int:
        try:
            number = read_whole_number(given, 1, max(self._questions))
        except ValueError as allowed:
            raise RoomError(f"The lesson must be {allowed}.") from None
        if number not in self._questions:
            raise RoomError(f"The lesson must be one of {', '.join(map(str, self._questions))}.")
        return number

    def _taught_by(self, visitor: str) -> str | None:
        return next((code for code, room in self._rooms.items() if room.is_taught_by(visitor)), None)

    def _room_with(self, code: str, visitor: str) -> Room:
        room = self._rooms.get(code)
        if room is None or not room.has(visitor):
            raise self._no_room(code)
        return room

    def _taught(self, code: str, visitor: str) -> Room:
        room = self._room_with(code, visitor)
        if not room.is_taught_by(visitor):
            raise RoomError(f"Room {code} already has a teacher. Only this teacher can move it.")
        return room

    def _no_room(self, code: str) -> ClosedError:
        if code in self._closed:
            return ClosedError(f"Room {code} has closed. Ask your teacher for the code of the next room.")
        return ClosedError(f"There is no room {code} here. Compare the code with the one that your teacher shows.")

    def _sweep(self) -> float:
        """Close the rooms whose time is over; the time now (seconds)."""
        now = self._clock()
        for code in [code for code, room in self._rooms.items() if room.is_over(now)]:
            self._forget(code)
        return now

    def _forget(self, code: str) -> None:
        del self._rooms[code], self._networks[code]
        self._closed[code] = None
        if len(self._closed) > MOST_CLOSED:
            self._closed.popitem(last=False)
