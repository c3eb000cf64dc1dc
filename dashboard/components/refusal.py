"""A refusal on the page: a sentence that names no folder of the server's and asks nobody to type a command."""

import re
from pathlib import PurePath

import streamlit as st

from dashboard.components.as_text import as_text

PATH = re.compile(r"'(/[^'\n]*)'")
COMMAND = re.compile(r"[;,]\s*`python -m [^`]*`[^;.]*")
OPTION = re.compile(r" Add --[^.]*\.")


def refuse(error: Exception | str) -> None:
    """Show what is wrong."""
    st.error(as_text(for_page(error)))


def for_page(error: Exception | str) -> str:
    """A message without what only the person at the server can use: a path's folders, a command, a command's option."""
    named = PATH.sub(lambda found: repr(PurePath(found[1]).name), str(error))
    return OPTION.sub("", COMMAND.sub("", named))
