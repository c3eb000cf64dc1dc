"""The settings of the chosen runs side by side, with those that differ marked and first."""

from collections.abc import Sequence

import streamlit as st

from dashboard.control_names import label_of
from dashboard.runs.kept import KEPT
from dashboard.runs.table import spell_setting
from experiments.config.run_config import RunConfig
from experiments.config.words import cut, visible
from experiments.runs.naming import differing_fields
from experiments.runs.store.reader import RunReader


def show_settings(readers: Sequence[RunReader], labels: Sequence[str]) -> None:
    """A row per setting, a column per run; of a single run, what is not the default is marked."""
    settings = [reader.settings for reader in readers]
    default = RunConfig().model_dump()
    compared = settings if len(readers) > 1 else [*settings, default]
    marked = differing_fields(compared)
    differing = f"Settings: {len(marked)} {'differs' if len(marked) == 1 else 'differ'}"
    with st.expander(differing if len(readers) > 1 else "Settings", icon=":material/tune:"):
        shows_all = st.toggle("All settings", key=KEPT.key("all"), help=KEPT.controls["all"].help)
        names = dict.fromkeys(name for one in settings for name in one)
        rows = [*marked, *(name for name in names if name not in marked)] if shows_all else marked
        columns = dict(zip(labels, settings, strict=True))
        if len(readers) == 1 and not readers[0].form.watched:  # whose settings are its program's own
            columns["default" if "default" not in labels else "default value"] = default
        st.dataframe(
            [
                {
                    **({"≠": "≠" if name in marked else ""} if shows_all else {}),
                    "setting": visible(cut(label_of(name))),
                    **{label: spell_setting(name, one.get(name)) for label, one in columns.items()},
                }
                for name in rows
                if name in names
            ],
            hide_index=True,
            width="stretch",
            placeholder="",
        )
        what = "The runs differ in these settings." if len(readers) > 1 else "These settings are not the defaults."
        st.caption("≠ marks what differs." if shows_all else what)
