"""Text of others on a page: shown as it is written, never as Markdown, which would load a picture from anywhere."""

import re

from experiments.words import visible

BLANKS = re.compile(r"\s+")
MARKDOWN = re.compile(
    r"[\\`*\[\]<>~$]"  # code, emphasis, links and pictures, HTML, strikethrough, mathematics
    r"|(?<!\w)_|_(?!\w)"  # emphasis; within a word, as in seq_len, it is none
    r"|:(?=\S)|(?<=www)\."  # Streamlit's colours and icons; addresses that become links by themselves
    r"|&(?=[#\w])"  # HTML's names of signs
    r"|^[#+=-]|(?<=^\d)[.)]"  # headings and lists
)


def as_text(text: object) -> str:
    r"""Markdown that shows a text: what Markdown, HTML or Streamlit would read in it has a `\` before it.

    Line breaks and rows of blanks become single blanks, and what a terminal would obey is made visible.
    """
    return MARKDOWN.sub(lambda found: f"\\{found[0]}", visible(BLANKS.sub(" ", str(text)).strip()))
