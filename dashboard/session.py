"""Reads the session's values with their types."""

from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")


def read_session(key: str, kind: type[T], default: T) -> T:
    """The session's value under a key where it is of that kind, else the default."""
    value: Any = st.session_state.get(key, default)
    return value if isinstance(value, kind) else default
