"""Formulas in plain words, such as dL/dh_t, set as formulas: for figures and HTML, and for Markdown."""

import re

from analysis.wording import PERCENT

FORMULA = re.compile(r"(?<![\w$\\{}_.])((?:dL/d)?[A-Za-zαγλ])_(t|T|k|hh|ih|0|1)(?![\w}$(=])")
"""A letter with an index, alone or in a derivative; names of code such as `log_norm` or `max_t` are none."""


def as_html(text: str) -> str:
    """The text with raised and lowered letters as HTML and Plotly write them.

    Example:
        >>> as_html("size of dL/dh_t, with W_hh")
        'size of dL/dh<sub>t</sub>, with W<sub>hh</sub>'
    """
    return _join_percents(FORMULA.sub(r"\1<sub>\2</sub>", text))


def as_markdown(text: str) -> str:
    """The text with formulas between dollars; what stands between dollars already stays.

    Example:
        >>> as_markdown("The size of dL/dh_t, where $h_t$ is the state")
        'The size of $dL/dh_t$, where $h_t$ is the state'
    """
    parts = text.split("$")
    if len(parts) % 2 == 0:  # a lone dollar is no formula
        return _join_percents(text)
    set_parts = [part if k % 2 else FORMULA.sub(r"$\1_{\2}$", part) for k, part in enumerate(parts)]
    return _join_percents(re.sub(r"_\{(\w)\}", r"_\1", "$".join(set_parts)))


def _join_percents(text: str) -> str:
    """No line ends between a number and its percent sign."""
    return re.sub(r"(?<=\d) %", PERCENT, text)
