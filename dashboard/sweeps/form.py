"""The form of a new sweep: settings and their values, written as the TOML text that a sweep is made of."""

from collections.abc import Iterator, Mapping

import streamlit as st

from dashboard.components.number_field import number_field
from dashboard.components.refusal import refuse
from dashboard.control_names import label_of
from dashboard.explore.control import OneOf, Whole
from dashboard.sweeps.new_settings import (
    FIELDS,
    NEW,
    OF_TRAININGS,
    first_values,
    option_words,
    read_values_text,
    write_values_text,
)
from experiments.config.allowed import allowed
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.sweeps.plan import Kind, check_name
from experiments.sweeps.written import read_values, sweep_text

_FIELDS, _OF = "new-sweep-fields", "new-sweep-of-{}"
COLUMNS = 3


def show_form() -> int:
    """The widgets: a name, a kind, seeds, the settings, and the values of each; how many have a mistake marked."""
    kinds, seeds = NEW.controls["new_kind"], NEW.controls["new_seeds"]
    assert isinstance(kinds, OneOf)
    assert isinstance(seeds, Whole)
    marked = 0
    name, kind, seed = st.columns(COLUMNS)
    with name:
        marked += not _show_name(NEW.controls["new_name"].label, NEW.key("new_name"))
    with kind:
        st.selectbox(kinds.label, kinds.options, format_func=kinds.options.__getitem__, key=NEW.key("new_kind"))
    with seed:
        number_field(seeds, NEW.key("new_seeds"))
    values = read_values_text(str(NEW.values()["new_values"]))
    offered = [
        f for f in FIELDS if f not in OF_TRAININGS or f in values or st.session_state[NEW.key("new_kind")] == "run"
    ]
    if _FIELDS not in st.session_state:
        st.session_state[_FIELDS] = [*values]
    chosen = st.multiselect(
        "Settings", offered, format_func=label_of, key=_FIELDS,
        help="A setting with several values varies; one with a single value is fixed. All others have their defaults.",
    )  # fmt: skip
    columns = [column for _ in range(0, len(chosen), COLUMNS) for column in st.columns(COLUMNS)]
    for column, field in zip(columns, chosen, strict=False):
        with column:
            marked += not _show_values(field, values.get(field, first_values(field)))
    keep_form()
    return marked


def _show_name(label: str, key: str) -> bool:
    """The field of the sweep's name, and below it what is wrong with it; whether it is right."""
    try:
        check_name(st.text_input(label, key=key))
    except ConfigError as error:
        refuse(label + str(error).removeprefix("name"))
        return False
    return True


def _show_values(field: str, text: str) -> bool:
    """The widget of one setting's values, and below it what is wrong with them; whether they are right."""
    key, words = _OF.format(field), option_words(field)
    if words is None:
        st.session_state.setdefault(key, text.replace(",", ", "))
        must = f"Numbers with commas between them; each must be {allowed(RunConfig.model_fields[field])}."
        st.text_input(label_of(field), key=key, help=must)
    else:
        if key not in st.session_state:
            st.session_state[key] = [option for option in text.split(",") if option in words]
        st.multiselect(label_of(field), list(words), format_func=words.__getitem__, key=key)
    try:
        read_values(field, _held_values(field, {}))
    except ConfigError as error:
        refuse(error)
        return False
    return True


def keep_form() -> None:
    """Keep what the widgets of the form hold, which a press on a button may have brought."""
    NEW.keep()
    if _FIELDS not in st.session_state:
        return
    kept = read_values_text(str(NEW.values()["new_values"]))
    written = {field: _held_values(field, kept) for field in FIELDS if field in st.session_state[_FIELDS]}
    NEW.set({"new_values": write_values_text(written)})


def _held_values(field: str, kept: Mapping[str, str]) -> str:
    held = st.session_state.get(_OF.format(field), kept.get(field, first_values(field)))
    return ",".join(part.strip() for part in (held.split(",") if isinstance(held, str) else held))


def forget_widgets() -> None:
    """Let the widgets begin anew with the values of an address."""
    for key in (_FIELDS, *map(_OF.format, FIELDS)):
        st.session_state.pop(key, None)


def written_form() -> str:
    """The TOML text of the form.

    Raises:
        ConfigError: a value that its setting cannot have; the sentence begins with the setting's field.
    """
    given = NEW.values()
    kind: Kind = "run" if given["new_kind"] == "run" else "probe"
    return sweep_text(str(given["new_name"]), kind, int(str(given["new_seeds"])), dict(_read_all(kind)))


def _read_all(kind: Kind) -> Iterator[tuple[str, list[object]]]:
    for field, text in read_values_text(str(NEW.values()["new_values"])).items():
        if kind == "run" or field not in OF_TRAININGS:
            yield field, read_values(field, text)
