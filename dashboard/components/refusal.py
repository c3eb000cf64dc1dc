"""Errors on the page, without the server's folders and without commands to type."""

import re
from pathlib import PurePath

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.control_names import name_control

PATH = re.compile(r"'(/[^'\n]*)'")
COMMAND = re.compile(r"[;,]\s*`python -m [^`]*`[^;.]*")
OPTION = re.compile(r" Add --[^.]*\.")


def refuse(error: Exception | str) -> None:
    """Show what is wrong, with the control's name where the message has a field's."""
    said = name_control(for_page(error))
    st.error(as_text(f"N{said[1:]}" if said.startswith("no ") else said))


def for_page(error: Exception | str) -> str:
    """The message without folders of the server, commands and their options."""
    named = PATH.sub(lambda found: repr(PurePath(found[1]).name), str(error))
    return OPTION.sub("", COMMAND.sub("", named))
