"""The kinds of controls that Explore has. Each has its label, its default and its allowed values."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from typing import Any, Generic, TypeVar, final

from dashboard.server.checks import (
    Value,
    read_flag,
    read_name,
    read_number,
    read_number_list,
    read_text,
    read_text_name,
    read_whole_number,
    read_word,
    read_words,
)
from dashboard.server.serving import opens_files

V = TypeVar("V", bound=Value)


@dataclass(frozen=True)
class Control(ABC, Generic[V]):
    """One setting of the page."""

    label: str
    """As the page names it."""
    default: V
    help: str | None = field(default=None, kw_only=True)
    is_view: bool = field(default=False, kw_only=True)
    """Whether it only chooses what is looked at, and changes no number."""
    names_network: bool = field(default=False, kw_only=True)
    """Whether it is a part of a trained or uploaded network's name."""

    @abstractmethod
    def read(self, given: object) -> V:
        """The setting's value, from anything that a browser sends.

        Raises:
            ValueError: it is not allowed; the message says what is.
        """


@final
@dataclass(frozen=True)
class OneOf(Control[str]):
    """One of several words."""

    options: Mapping[str, str]
    """Allowed word → as the page writes it."""
    groups: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """Allowed word → what the list says before it, where its options are of several kinds."""

    def read(self, given: object) -> str:
        """One of the words."""
        return read_word(given, self.options)

    def in_list(self, word: str) -> str:
        """An option as the list writes it."""
        words = self.options[word]
        return f"{self.groups[word].capitalize()}: {words}" if word in self.groups else words


@final
@dataclass(frozen=True)
class SomeOf(Control[list[str]]):
    """Any of several words, none of them twice."""

    options: Mapping[str, str]
    """Allowed word → as the page writes it."""

    def read(self, given: object) -> list[str]:
        """A list of the words."""
        return read_words(given, self.options)


@final
@dataclass(frozen=True)
class Whole(Control[int]):
    """A whole number that is typed."""

    lowest: int
    highest: int
    least: str = field(default="", kw_only=True)
    """What the lowest value is called, where it is not a number like others: `never`. Its field is then empty."""

    def read(self, given: object) -> int:
        """A whole number in the range."""
        return self.lowest if self.least and given is None else read_whole_number(given, self.lowest, self.highest)


@final
@dataclass(frozen=True)
class Slide(Control[float]):
    """A number that is dragged; the charts follow."""

    lowest: float
    highest: float
    step: float
    """From one position of the thumb to the next; in decades where the scale is logarithmic."""
    logarithmic: bool = False
    least: str = field(default="", kw_only=True)
    """What the lowest value is called, where it is not a number like others: `never`."""
    most: str = field(default="", kw_only=True)
    """What the highest value is called, where it is not a number like others: `none`."""

    def read(self, given: object) -> float:
        """A number in the range, or the name of one of its ends."""
        if self.least and given in (None, self.least):
            return self.lowest
        if self.most and given == self.most:
            return self.highest
        return read_number(given, self.lowest, self.highest)

    def clamp(self, number: float) -> float:
        """The nearest number in the range."""
        return float(min(max(number, self.lowest), self.highest))


@final
@dataclass(frozen=True)
class Switch(Control[bool]):
    """Yes or no."""

    def read(self, given: object) -> bool:
        """True or False."""
        return read_flag(given)


@final
@dataclass(frozen=True)
class NumberList(Control[str]):
    """Several numbers, as a text with commas between them; an empty text for none."""

    lowest: float
    highest: float
    most: int
    """Numbers in the text."""

    def read(self, given: object) -> str:
        """The numbers in one spelling."""
        return read_number_list(given, self.lowest, self.highest, self.most)


@final
@dataclass(frozen=True)
class Text(Control[str]):
    """Any text up to a length."""

    most: int

    def read(self, given: object) -> str:
        """The text."""
        return read_text(given, self.most)


@final
@dataclass(frozen=True)
class TextFile(Control[str]):
    """The name of a text, or a file's path where this server opens files."""

    options: Mapping[str, str]
    """Name of a text that everybody may use → as the page writes it."""

    def read(self, given: object) -> str:
        """The name or the path."""
        return read_text_name(given, self.options, opens_files())


@final
@dataclass(frozen=True)
class Name(Control[str]):
    """The name of something that the server keeps; an empty text for none. It is never a path."""

    pattern: re.Pattern[str]
    allowed: str
    """What it may be, in words."""

    def read(self, given: object) -> str:
        """The name."""
        return read_name(given, self.pattern, self.allowed)


def control(shown: Control[Any]) -> Any:
    """A field of a frozen dataclass that this control sets."""
    default = tuple(shown.default) if isinstance(shown.default, list) else shown.default
    return field(default=default, metadata={"control": shown})


def control_of(setting: "Field[Any]") -> Control[Any]:
    """The control that sets a field."""
    found: Control[Any] = setting.metadata["control"]
    return found
