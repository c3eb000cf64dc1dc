"""A page's settings outlive its widgets, which Streamlit forgets with the page, and stand in the page's address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.components.address import visit_number
from dashboard.explore.control import Control
from dashboard.explore.link import read_settings, write_values
from dashboard.server.checks import Value
from dashboard.session import read_session


@dataclass(frozen=True)
class Kept:
    """The settings of one page."""

    page: str
    controls: Mapping[str, Control[Any]]
    """Name of a setting, in the address too → its control."""

    @property
    def defaults(self) -> dict[str, Value]:
        """The settings of a first visit."""
        return {name: control.default for name, control in self.controls.items()}

    def key(self, name: str) -> str:
        """The key of a setting's widget."""
        return f"{self.page}-{name}"

    def values(self) -> dict[str, Value]:
        """The settings of the last run of the page."""
        return {**self.defaults, **read_session(f"{self.page}-kept", dict, {})}

    def set(self, values: Mapping[str, Value]) -> None:
        """Set these settings, and leave the others. For a widget's callback, or before the widgets are made."""
        st.session_state[f"{self.page}-kept"] = {**self.values(), **values}
        for name, value in values.items():
            st.session_state[self.key(name)] = value

    def follow(self, link: Mapping[str, str], start: Mapping[str, Value]) -> list[str]:
        """Set what an address says, and for the rest where it starts; a few words for each part that is wrong."""
        values, wrong = read_settings(link, self.controls)
        self.set({**self.defaults, **start, **values})
        return wrong

    def prepare(self) -> None:
        """Give every widget its value before it is made; one that is not allowed gets its last value.

        In a new visit all get it: Streamlit forgets a widget's value with its page, and then has one from before it.
        """
        is_new = read_session(f"{self.page}-visit", int, 0) != visit_number()
        st.session_state[f"{self.page}-visit"] = visit_number()
        for name, value in self.values().items():
            key = self.key(name)
            if is_new or key not in st.session_state or read_settings({name: st.session_state[key]}, self.controls)[1]:
                st.session_state[key] = value

    def keep(self) -> dict[str, Value]:
        """Copy what the widgets hold, and return all settings; one without a widget keeps its last value."""
        given = {name: st.session_state[self.key(name)] for name in self.controls if self.key(name) in st.session_state}
        values = {**self.values(), **read_settings(given, self.controls)[0]}
        st.session_state[f"{self.page}-kept"] = values
        return values

    def link(self, start: Mapping[str, Value]) -> dict[str, str]:
        """The address's parameters for what differs from where it starts."""
        return write_values(self.values(), {**self.defaults, **start})
