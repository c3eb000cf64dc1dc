"""One room: its lesson and beat, and what its students have predicted. It knows nobody by more than a random mark."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Literal, get_args

from dashboard.lessons.question import Guess
from dashboard.room.errors import RoomError

Stage = Literal["join", "predict", "do", "decide"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""What the class does: it comes in, and then the three beats of the lesson."""

MOST_STUDENTS = 100
PRESENT_SECONDS = 10.0
"""A student is here whose page has asked so recently; it asks every second while it can be seen."""
LIFE_SECONDS = 4 * 3600.0
"""A room is over so long after its teacher last moved it."""
EMPTY_SECONDS = 1800.0
"""A room without students is over once its teacher's page has been closed so long."""
AWAY_SECONDS = 600.0
"""A seat without predictions whose student has been away so long goes to who asks for one in a full room."""


@dataclass
class Seat:
    """What is kept of one student."""

    seen: float
    """When the page last asked (seconds)."""
    guesses: dict[int, Guess] = field(default_factory=dict)
    """Lesson → its prediction."""


@dataclass(frozen=True)
class View:
    """What one visitor may know of a room at one moment."""

    code: str
    lesson: int
    stage: Stage
    teaches: bool
    """Whether the visitor is the room's teacher."""
    here: int
    """Students whose pages are open."""
    predicted: int
    """Students who have predicted this lesson's result."""
    own: Guess | None
    """The visitor's own prediction."""
    guesses: tuple[Guess, ...]
    """All predictions, in no order that names anybody; none for a student before the room decides."""


class Room:
    """One room. Not for threads: `Rooms` holds a lock around it."""

    def __init__(self, code: str, teacher: str, lesson: int, now: float) -> None:
        self.code = code
        self.lesson = lesson
        self.stage: Stage = "join"
        self._moved = self._looked = now
        """When the teacher last moved it, and last looked (seconds)."""
        self._salt = secrets.token_bytes(16)
        self._teacher = self._mark(teacher)
        self._seats: dict[str, Seat] = {}

    def _mark(self, visitor: str) -> str:
        """The visitor as this room alone knows them: nothing joins two rooms, or a room and a training run."""
        return hashlib.blake2b(visitor.encode(), key=self._salt, digest_size=16).hexdigest()

    def is_taught_by(self, visitor: str) -> bool:
        """Whether this visitor opened the room."""
        return self._mark(visitor) == self._teacher

    def has(self, visitor: str) -> bool:
        """Whether this visitor teaches here or has a seat."""
        return self.is_taught_by(visitor) or self._mark(visitor) in self._seats

    def is_over(self, now: float) -> bool:
        """Whether its time has come."""
        return now - self._moved > LIFE_SECONDS or (not self._seats and now - self._looked > EMPTY_SECONDS)

    def move(self, lesson: int, stage: Stage, now: float) -> None:
        """Go to a lesson's beat."""
        self.lesson, self.stage, self._moved = lesson, stage, now

    def seat(self, visitor: str, now: float) -> None:
        """Give a student a seat, who may have it already.

        Raises:
            RoomError: the room is full.
        """
        if self.has(visitor):
            return
        if len(self._seats) >= MOST_STUDENTS and not self._free_a_seat(now):
            raise RoomError(
                f"Room {self.code} is full: it has {MOST_STUDENTS} students. Look at a neighbour's phone, or ask your "
                "teacher to open another room."
            )
        self._seats[self._mark(visitor)] = Seat(now)

    def _free_a_seat(self, now: float) -> bool:
        """Whether a seat could be given on that nobody has used for long."""
        unused = [m for m, s in self._seats.items() if not s.guesses and now - s.seen > AWAY_SECONDS]
        if unused:
            del self._seats[unused[0]]
        return bool(unused)

    def unseat(self, visitor: str) -> None:
        """Forget a student and their predictions."""
        self._seats.pop(self._mark(visitor), None)

    def predict(self, visitor: str, lesson: int, guess: Guess) -> None:
        """Keep a student's prediction.

        Raises:
            RoomError: the room does not predict this lesson's result now.
        """
        if self.stage != "predict" or self.lesson != lesson:
            raise RoomError("Predictions are closed, because your teacher has gone on. Your last one counts.")
        if (seat := self._seats.get(self._mark(visitor))) is not None:
            seat.guesses[lesson] = guess

    def view(self, visitor: str, now: float) -> View:
        """What this visitor may know, who is here now."""
        teaches, seat = self.is_taught_by(visitor), self._seats.get(self._mark(visitor))
        if seat is not None:
            seat.seen = now
        if teaches:
            self._looked = now
        guesses = sorted((s.guesses[self.lesson] for s in self._seats.values() if self.lesson in s.guesses), key=str)
        return View(
            code=self.code,
            lesson=self.lesson,
            stage=self.stage,
            teaches=teaches,
            here=sum(now - s.seen <= PRESENT_SECONDS for s in self._seats.values()),
            predicted=len(guesses),
            own=None if seat is None else seat.guesses.get(self.lesson),
            guesses=tuple(guesses) if teaches or self.stage == "decide" else (),
        )
