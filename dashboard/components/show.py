"""A picture on the page: the chart, its sentence, and its numbers to take away."""

import re
from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from analysis.figures.picture import Picture
from analysis.figures.sketch import plain
from analysis.typeset import as_markdown
from dashboard.components.live_chart import live_chart
from dashboard.components.source import source
from dashboard.components.terms import explain_in


def show(picture: Picture, key: str, on_click: Callable[[object], None] | None = None) -> None:
    """Draw the picture in place, with its one sentence, a "why?" and its numbers under it; see `live_chart`."""
    live_chart(picture.made, key=key, alt=picture.alt, on_click=on_click)
    show_caption(picture, key)


def show_caption(picture: Picture, key: str) -> None:
    """The picture's one sentence, a "why?" and its numbers."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="top", gap="small"):
        st.caption(as_markdown(picture.sentence), help=explain_in(_all_words(picture)))
        # In a row of their own: where there is no room beside the sentence, they go below it together.
        with st.container(horizontal=True, gap="small", width="content"):
            _show_downloads(picture, key)


def _all_words(picture: Picture) -> str:
    """What stands in and under a picture."""
    _, layout = plain(picture.made)
    titled = [layout, *(layout[name] for name in layout if re.fullmatch("[xy]axis[0-9]*", name))]
    titles = [words.get("title", {}).get("text") for words in titled]
    return " ".join(str(text) for text in (*titles, picture.sentence) if text)


def _show_downloads(picture: Picture, key: str) -> None:
    """What a picture has beside its sentence: a "why?", and its numbers to download."""
    if picture.why:
        with st.popover("Why?", width="content", type="tertiary"):
            st.markdown(picture.why)
    where = source()
    download = partial(st.download_button, on_click="ignore", width="content", type="tertiary")
    download(
        "CSV",
        partial(where.csv, picture),
        file_name=f"{picture.name}.csv",
        mime="text/csv",
        key=f"{key}-csv",
        help="Download the numbers of this chart, below lines with # that say the settings and the link. Log norms are "
        "natural logs (nats).",
    )
    download(
        "JSON",
        partial(where.json, picture),
        file_name=f"{picture.name}.json",
        mime="application/json",
        key=f"{key}-json",
        help="Download the numbers as JSON, one list per column, with the settings and the link. Infinity and NaN are "
        "text.",
    )


def in_two_columns(pictures: Mapping[str, Picture], prefix: str) -> None:
    """Show pictures in two columns, a last one without a neighbour over both. The prefix makes their keys unique."""
    items = list(pictures.items())
    for k in range(0, len(items), 2):
        pair = items[k : k + 2]
        for column, (key, picture) in zip(st.columns(len(pair), gap="medium"), pair, strict=True):
            with column:
                show(picture, f"{prefix}-{key}")
