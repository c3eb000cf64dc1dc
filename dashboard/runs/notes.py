"""What people write about a run, its files to take away, and its end: name, note, tags, star, export, delete."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.runs.table import set_chosen
from dashboard.server.visitor import may_steer
from experiments.runs.about import LONGEST_NAME, LONGEST_NOTE, change_about, read_about, split_tags
from experiments.runs.export import export, export_weights
from experiments.runs.folder import delete_run
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader

_REFUSED = "runs-refused"


def say_refused() -> None:
    """Say once what the last press could not do."""
    if sentence := st.session_state.pop(_REFUSED, None):
        refuse(str(sentence))


def show_notes(run: RunReader) -> None:
    """Fields and buttons for one run; those that change it only for who may."""
    about, mine = read_about(run.folder), may_steer(run.owner)
    with st.expander("Name, note, tags, files", icon=":material/edit_note:"):
        if not mine:
            st.caption("Somebody else started this run, so only they can change what is written about it.")
        left, middle, right = st.columns([3, 3, 1], vertical_alignment="bottom")
        with left:
            _field(run, "name", partial(st.text_input, "Name", about.name, max_chars=LONGEST_NAME, disabled=not mine))
        with middle:
            _field(run, "tags", partial(st.text_input, "Tags", ", ".join(about.tags), disabled=not mine,
                                        help="Separate words with commas."))  # fmt: skip
        with right:
            _field(run, "star", partial(st.toggle, "Star", about.star, disabled=not mine))
        _field(run, "note", partial(st.text_area, "Note", about.note, max_chars=LONGEST_NOTE, disabled=not mine))
        _show_files(run)
        if mine:
            _show_delete(run)


def _field(run: RunReader, name: str, widget: Callable[..., object]) -> None:
    key = f"about-{name}-{run.name}"
    widget(key=key, on_change=_write, args=(run, name, key))


def _write(run: RunReader, name: str, key: str) -> None:
    """Keep what was typed. For a widget's callback."""
    if not may_steer(run.owner):
        return
    value = st.session_state[key]
    try:
        change_about(run.folder, **{name: split_tags(str(value)) if name == "tags" else value})
    except RunError as error:
        st.session_state[_REFUSED] = str(error)


def _show_files(run: RunReader) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for words, form, mime in (("CSV", "csv", "text/csv"), ("Web page", "html", "text/html")):
            st.download_button(
                words, partial(_exported, run, form), f"{run.name}.{form}", mime, key=f"export-{form}-{run.name}",
                on_click="ignore", type="tertiary", icon=":material/download:",
            )  # fmt: skip
        if run.form.keeps != "quantiles":
            st.download_button(
                "Weights", partial(_weights, run), f"{run.name}.safetensors", key=f"export-weights-{run.name}",
                on_click="ignore", type="tertiary", icon=":material/download:",
                help="The weights of the latest recorded step.",
            )  # fmt: skip


def _exported(run: RunReader, form: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"run.{form}"
        export(run, form, target)
        return target.read_bytes()


def _weights(run: RunReader) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "run.safetensors"
        export_weights(run, None, target)
        return target.read_bytes()


def _show_delete(run: RunReader) -> None:
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        kept = "You gave this run a star. " if read_about(run.folder).star else ""
        st.markdown(f"{kept}This deletes the run and everything it recorded. It cannot be undone.")
        st.button("Delete this run", key=f"delete-{run.name}", type="primary", on_click=_delete, args=(run,))


def _delete(run: RunReader) -> None:
    """Delete a run. For a button's callback."""
    if not may_steer(run.owner):
        return
    try:
        delete_run(run.folder)
    except RunError as error:
        st.session_state[_REFUSED] = str(error)
    else:
        set_chosen([])
        st.toast(f"The run {as_text(run.name)} is deleted.", icon=":material/delete:")
