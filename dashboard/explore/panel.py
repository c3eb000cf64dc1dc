"""What a panel below the profile is: rows of charts, drawn of recorded passes."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from analysis.clipping import Clipping
from analysis.figures.symbols import Symbols
from dashboard.frame import Draw
from experiments.probing.recorded_pass import RecordedPass

MOST_IN_A_DRAG = 5e7
"""Multiplications per frame of a drag, give or take a few for each: about 0.1 s."""


class Passes(Protocol):
    """What panels are drawn of: Explore's settings made real, or a recorded step of a run."""

    @property
    def probes(self) -> Mapping[str, RecordedPass]:
        """Cell → its recorded pass."""

    @property
    def clippings(self) -> Mapping[str, Clipping | None]:
        """Cell → the parameter gradient before and after clipping; None where nobody has said what was clipped."""


def symbols_of(view: Passes, lit: bool = False) -> Symbols | None:
    """The first sequence, which all passes have read; None where none is known.

    Args:
        view: the passes.
        lit: whether the symbols are lit by what each loss hears, which takes a drag some time.
    """
    symbols = next(iter(view.probes.values())).symbols
    if symbols is None or not lit:
        return symbols
    heard = {cell: probe.heard for cell, probe in view.probes.items()}
    return replace(symbols, heard={cell: sizes for cell, sizes in heard.items() if sizes is not None})


MOST_BESIDE = 3
"""Charts beside each other: more are too narrow on a laptop."""

Item = TypeVar("Item")


def lines_of(items: Iterable[Item]) -> list[list[Item]]:
    """The items in lines, each as long as the others where that can be, and of at most `MOST_BESIDE`.

    Example:
        >>> lines_of("abcd"), lines_of("abcde")
        ([['a', 'b'], ['c', 'd']], [['a', 'b', 'c'], ['d', 'e']])
    """
    left = list(items)
    length = max(1, math.ceil(len(left) / math.ceil(len(left) / MOST_BESIDE))) if left else 1
    return [left[k : k + length] for k in range(0, len(left), length)]


@dataclass(frozen=True)
class Panel:
    """Rows of charts by their keys, and a note on what is not drawn."""

    rows: tuple[Mapping[str, Draw], ...] = ()
    note: str = ""
    takes_long: bool = False
    """Whether its charts take so long to compute that a drag would wait for them."""
