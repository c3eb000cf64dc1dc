"""A teacher and students of a room who speak Streamlit's protocol without a browser, so that a class costs little."""

import re
import secrets
from typing import Self

from forging import Drawn, Visitor

from dashboard.server.visitor import COOKIE


class Person(Visitor):
    """One browser on the page Room; `mark` is its cookie's, by which it is known again."""

    def __init__(self, url: str, code: str = "", mark: str | None = None) -> None:
        self.mark = mark or secrets.token_urlsafe(24)
        super().__init__(url, "room", f"room={code}" if code else "", f"{COOKIE}={self.mark}")
        self.drawn = Drawn()

    def __enter__(self) -> Self:
        super().__enter__()
        self.show(self.rerun())
        return self

    def show(self, drawn: Drawn) -> None:
        """What the whole page shows now; no code of it has failed."""
        assert not drawn.tracebacks, drawn.tracebacks
        self.drawn = drawn

    @property
    def words(self) -> str:
        """All that the page says, as Markdown."""
        said = [e.markdown.body for e in self.drawn.of("markdown")]
        return "\n".join([*said, *(e.heading.body for e in self.drawn.of("heading")), *self.drawn.sentences])

    @property
    def charts(self) -> list[str]:
        """The messages of the charts on the page, as JSON."""
        messages = [e.bidi_component.bytes.decode() for e in self.drawn.of("bidi_component")]
        return [message for message in messages if '"figure"' in message]

    def press(self, button: str) -> None:
        """Press a button of this key or label."""
        self.show(self.rerun([self.state(button, None)]))

    def choose(self, widget: str, value: object) -> None:
        """Set a widget."""
        self.show(self.rerun([self.state(widget, value)]))

    def look(self) -> Drawn:
        """Ask how the room is, as the page does once a second; what is then drawn, all of it if the room has moved."""
        fragments = [fragment for _, fragment in self.drawn.elements if fragment]
        drawn = self.rerun(fragment=fragments[-1])
        assert not drawn.tracebacks, drawn.tracebacks
        return drawn

    def seen(self) -> str:
        """What the page says of the room a second later."""
        return "\n".join(e.markdown.body for e in self.look().of("markdown"))


class Teacher(Person):
    """Opens a room of a lesson and moves it."""

    def open_room(self, lesson: int) -> str:
        """The code of a new room."""
        self.rerun([self.state("room-opens", lesson)])
        self.press("room-open")
        found = re.search(r"Room \*\*(\w{6})\*\*", self.words)
        assert found, self.words
        return found[1]
