"""A memory in the visitor's browser: which parts were done. The server keeps no copy beyond the session."""

from collections.abc import Collection
from dataclasses import dataclass

import orjson

from dashboard.components.mount import component, do_nothing, last_message

_KEY = "kept-progress"
_mount = component("kept_progress")


@dataclass(frozen=True)
class Known:
    """What the browser says."""

    done: tuple[str, ...] = ()
    """The parts that were done, in this session or before."""
    forgotten: str = ""
    """The wish to forget that came from another tab after this session began; empty if none did."""


def kept_progress(forget: str) -> Known:
    """What the browser says was done; nothing if that is older than this session's wish to forget it."""
    message = last_message(_KEY)
    done, forgotten = message.get("done"), message.get("forgotten", "")
    if message.get("forget") != forget or not isinstance(done, list) or not isinstance(forgotten, str):
        return Known()
    return Known(tuple(part for part in done if isinstance(part, str)), forgotten)


def keep_progress(done: Collection[str], forget: str, followed: str) -> None:
    """Add what was done to the browser's memory.

    Args:
        done: what this session knows of; the browser answers with a rerun if it knows more, or if another tab forgot.
        forget: changes when the browser is to forget what it had before; empty if it never was.
        followed: the last wish of another tab that this session has followed; empty if there was none.
    """
    said = {"done": sorted(done), "forget": forget, "followed": followed}
    _mount(key=_KEY, data=orjson.dumps(said), on_message_change=do_nothing)
