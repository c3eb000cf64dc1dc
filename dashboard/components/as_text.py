"""Shows text of others as it is written. As Markdown it could load a picture from anywhere."""

import re

from experiments.config.words import visible

BLANKS = re.compile(r"\s+")
MARKDOWN = re.compile(
    r"[\\`*\[\]<>~$]"  # code, emphasis, links and pictures, HTML, strikethrough, mathematics
    r"|(?<!\w)_|_(?!\w)"  # emphasis; within a word, as in seq_len, it is none
    r"|:(?=\S)"  # Streamlit's colours and icons
    r"|&(?=[#\w])"  # HTML's names of signs
    r"|^[#+=-]|(?<=^\d)[.)]"  # headings and lists
)
ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
JOINER = "\u2060"
"""Unseen: an address with it inside is none, so that it does not become a link by itself."""


def as_text(text: object) -> str:
    r"""Markdown that shows a text: what Markdown, HTML or Streamlit would read in it has a `\` before it.

    Line breaks and rows of blanks become single blanks, and what a terminal would obey is made visible.
    """
    plain = visible(BLANKS.sub(" ", str(text)).strip())
    return MARKDOWN.sub(lambda found: f"\\{found[0]}", ADDRESS.sub(JOINER, plain))
