"""Reads settings from a link, a socket or a widget, and writes them as a link."""

from collections.abc import Mapping
from typing import Any

from dashboard.explore.control import Control, TextFile
from dashboard.explore.settings import CONTROLS, Settings
from dashboard.server.checks import Value, shorten_value


def read_settings(
    values: Mapping[str, object], controls: Mapping[str, Control[Any]] = CONTROLS
) -> tuple[dict[str, Value], list[str]]:
    """The allowed ones of the settings that a browser sends; and a few words for each that is not.

    The one check of all: of a link's texts, of a socket's JSON and of what widgets hold.

    Args:
        values: name → value of any type.
        controls: what is allowed: a trained or uploaded network has its own ranges and defaults.
    """
    allowed: dict[str, Value] = {}
    wrong: list[str] = []
    for name, value in values.items():
        if name not in controls:
            wrong.append(f"{shorten_value(name)} is not a setting")
            continue
        try:
            allowed[name] = controls[name].read(value)
        except ValueError as may_be:
            wrong.append(f"{name} was {shorten_value(value)} (allowed: {may_be})")
    return allowed, wrong


def write_link(settings: Settings, controls: Mapping[str, Control[Any]] = CONTROLS) -> dict[str, str]:
    """Query parameters for what differs from the defaults; never the path of a file, and no uploaded file's key."""
    parameters = {}
    for name, value in settings.as_values().items():
        control = controls[name]
        is_path = isinstance(control, TextFile) and value not in control.options
        is_own = name == "upload" or (name == "layer" and not settings.run)
        if value != (CONTROLS[name] if control.names_network else control).default and not is_path and not is_own:
            parameters[name] = spell_value(value)
    return parameters


def write_values(values: Mapping[str, Value], defaults: Mapping[str, Value]) -> dict[str, str]:
    """Query parameters for the values that differ from the defaults."""
    return {name: spell_value(value) for name, value in values.items() if value != defaults.get(name)}


def spell_value(value: Value) -> str:
    """A value as an address has it; `read_settings` reads it back."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    return ",".join(value) if isinstance(value, list) else str(value)
