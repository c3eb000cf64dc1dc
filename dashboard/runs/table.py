"""The table of all runs, with a search above it that leaves the choice as it is."""

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

import streamlit as st

from analysis.figures.theme import cell_name
from analysis.wording import counted, own_digits
from dashboard.components.refusal import for_page
from dashboard.control_names import label_within, words_of
from dashboard.explore.settings import OF_TASK
from dashboard.option_words import TASK_WORDS
from dashboard.runs.kept import KEPT, MOST_CHOSEN, choose, chosen_names
from dashboard.session import read_session
from experiments.config.words import bare, cut, visible
from experiments.runs.about import About, read_about
from experiments.runs.folder import RunSummary
from experiments.runs.learned import describe_summary
from experiments.runs.naming import WITHOUT, differing_fields, in_words
from experiments.runs.status import describe_status
from models.cells.registry import CELLS

MOST_COLUMNS = 8
"""Settings that have a column of their own."""
ALWAYS = ("task", "cell")
OF_EVALUATION = "The loss of the last evaluation, on new sequences, divided by that of a guess."
_REVISION = "runs-table-revision"


def set_chosen(names: Sequence[str]) -> None:
    """Choose these runs. For a widget's callback, or before the table is made."""
    choose(names)
    st.session_state[_REVISION] = read_session(_REVISION, int, 0) + 1


def choose_runs(summaries: Sequence[RunSummary]) -> list[str]:
    """Show the table; the names of the runs that are chosen. A search hides rows, and changes no choice."""
    text = st.text_input("Search", key=KEPT.key("search"), placeholder="a task, a cell, a status, a tag, seed=1 …")
    words = str(text).lower().split()  # a message may hold anything
    about = {s.name: read_about(s.folder) for s in summaries}
    shown = [s for s in summaries if all(is_found(word, _searched_text(s, about[s.name])) for word in words)]
    shown.sort(key=lambda s: not about[s.name].star)
    names, chosen = [s.name for s in shown], chosen_names()
    if words and not shown:
        st.info("No run matches. Write a setting as `clip_threshold=1`. A run must match every word.")
    # What was chosen by hand belongs to these rows: other rows, or a choice that was set, make another table.
    rows = blake2b("\n".join(names).encode(), digest_size=8).hexdigest()
    fields = _varied_fields(shown)
    rows_shown = [_row(s, about[s.name], fields) for s in shown]
    written = [name for name in ("★", "name", "tags") if any(row.get(name) for row in rows_shown)]
    event = rows_shown and st.dataframe(
        [{k: v for k, v in row.items() if k in written or k not in ("★", "name", "tags")} for row in rows_shown],
        hide_index=True, width="stretch", on_select="rerun",
        selection_mode="multi-row", key=f"runs-table-{rows}-{read_session(_REVISION, int, 0)}", placeholder="",
        selection_default={"selection": {"rows": [k for k, name in enumerate(names) if name in chosen]}},
        column_config={"loss ÷ chance": st.column_config.NumberColumn(format="%.3f", help=OF_EVALUATION)},
    )  # fmt: skip
    places = event.selection.rows if event else []
    picked = [names[k] for k in places if isinstance(k, int) and 0 <= k < len(names)]
    kept = [name for name in chosen if name not in names or name in picked]
    now = kept + [name for name in picked if name not in kept]
    if len(now) > MOST_CHOSEN:
        st.warning(f"{len(now)} runs selected; only the first {MOST_CHOSEN} are shown.")
    if now != chosen:
        choose(now[:MOST_CHOSEN])
    if rows_shown and not now:
        st.markdown("Choose a run to open it, or two to six to lay them over each other.")
    known = {s.name for s in summaries}
    if hidden := [name for name in now if name in known and name not in names]:
        count = f"{len(hidden)} of the {counted(len(now), 'selected run')}" if len(now) > 1 else "the selected run"
        st.caption(f"The search hides {count}.")
    return now[:MOST_CHOSEN]


def is_found(word: str, text: str) -> bool:
    """Whether a text has a word that begins so; a setting such as seed=1 must be whole."""
    spelt = re.findall(r"[^\s()“”\"',;:]+", text)
    name, is_setting, value = word.partition("=")
    if not is_setting:
        return any(other.startswith(word) for other in spelt)
    return any(
        own == value or is_same_number(own, value) for key, _, own in (w.partition("=") for w in spelt) if key == name
    )


def is_same_number(a: str, b: str) -> bool:
    """Whether both are numbers, and equal: 1 and 1.0."""
    try:
        return float(a) == float(b)
    except ValueError:
        return False


def _searched_text(s: RunSummary, about: About) -> str:
    """What is found: a run's own words, its settings as fields and as the table writes them, and its verdict."""
    fields = s.title
    if s.config is not None:
        values = s.config.model_dump().items()
        fields = " ".join([*(f"{k}={bare(v)}" for k, v in values), *(_say_setting(k, v) for k, v in values)])
    written = f"{about.name} {about.note} {' '.join(about.tags)} {'star' if about.star else ''}"
    learned = "" if s.problem is not None else f"{describe_summary(s)} {describe_status(s.status, s.reason)}"
    return f"{s.name} {s.status} {s.reason} {learned} {fields} {written}".lower()


def _say_setting(name: str, value: object) -> str:
    """A setting in words; of one that is not set only what has a name, as unclipped."""
    if value is None:
        return WITHOUT.get(name, "")
    return in_words(name, value) if name == "clip_threshold" else spell_setting(name, value)


def _varied_fields(shown: Sequence[RunSummary]) -> list[str]:
    """The settings in which the shown runs differ, and those that have a column always."""
    dumps = [s.config.model_dump() for s in shown if s.config is not None]
    varied = [name for name in differing_fields(dumps) if name not in ALWAYS] if dumps else []
    return [*ALWAYS, *varied[:MOST_COLUMNS]]


def _row(s: RunSummary, about: About, fields: Sequence[str]) -> dict[str, object]:
    named: dict[str, object] = {"★": "★" if about.star else "", "name": visible(about.name)}
    if s.problem is not None:
        return {**named, "status": visible(f"cannot be read: {for_page(s.problem)}"), "run": s.name}
    loss, c = s.latest.get("evaluation_loss", s.latest.get("loss")), s.config
    settings: dict[str, object] = {"task": visible(cut(s.title))}
    if c is not None:
        values = c.model_dump()
        settings = {
            label_within(name): spell_setting(name, values[name]) if _belongs(name, c.task, c.cell) else ""
            for name in fields
        }
    return {
        **named,
        "learned": describe_summary(s),
        "status": describe_status(s.status, s.reason),
        **settings,
        "step": s.step,
        "loss ÷ chance": float(str(loss)) / s.chance if loss is not None and s.chance else None,
        "tags": visible(", ".join(about.tags)),
        "begun": datetime.fromtimestamp(s.created),
        "run": s.name,
    }


def _belongs(field: str, task: str, cell: str) -> bool:
    """Whether a task and a cell have this setting."""
    if any(field in other.option_names for other in CELLS.values()) and field not in CELLS[cell].option_names:
        return False
    return field in OF_TASK.get(task, ()) or not any(field in names for names in OF_TASK.values())


def spell_setting(name: str, value: object) -> str:
    """A setting's value in a table: text, since a column has one type."""
    if name == "cell" and value in CELLS:  # a watched program may call anything so
        return cell_name(str(value))
    if name == "task":
        return TASK_WORDS.get(str(value)) or cut(visible(str(value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return own_digits(value)
    return "none" if value is None else words_of(name, str(value)) or cut(visible(str(value)))
