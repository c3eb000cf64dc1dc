"""A memory in the visitor's browser: which parts were done. The server keeps no copy beyond the session."""

from collections.abc import Collection

import orjson

from dashboard.components.mount import component, do_nothing, last_message

_KEY = "kept-progress"
_mount = component("kept_progress")


def kept_progress(forget: str) -> list[str]:
    """What the browser says was done; nothing if that is older than the wish to forget it."""
    message = last_message(_KEY)
    done = message.get("done")
    if message.get("forget") != forget or not isinstance(done, list):
        return []
    return [part for part in done if isinstance(part, str)]


def keep_progress(done: Collection[str], forget: str) -> None:
    """Add what was done to the browser's memory.

    Args:
        done: what this session knows of; the browser answers with a rerun if it knows more.
        forget: changes when the browser is to forget what it had before; empty if it never was.
    """
    _mount(key=_KEY, data=orjson.dumps({"done": sorted(done), "forget": forget}), on_message_change=do_nothing)
