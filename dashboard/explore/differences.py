"""What changed from one state of the settings to another, in words."""

from analysis.wording import own_digits
from dashboard.explore.control import OneOf, Slide, SomeOf
from dashboard.explore.settings import CONTROLS, Settings
from dashboard.server.checks import Value

LONGEST_VALUE = 30
"""Letters of a value in a sentence."""


def describe_differences(before: Settings, after: Settings) -> list[str]:
    """Each setting that changed, as `Largest singular value: 1 → 2`; what only chooses a view is left out."""
    old, new = before.as_values(), after.as_values()
    names = [_name_network(settings) for settings in (before, after)]
    network = [] if names[0] == names[1] else [f"Network: {names[0]} → {names[1]}"]
    return network + [
        f"{control.label}: {format_value(name, old[name])} → {format_value(name, new[name])}"
        for name, control in CONTROLS.items()
        if not control.is_view and not control.names_network and old[name] != new[name]
    ]


def _name_network(settings: Settings) -> str:
    """Which network it is, without a text of a stranger's."""
    if settings.run:
        return f"{settings.run} at step {settings.step:,}"
    return f"your file, layer {settings.layer}" if settings.upload else "untrained"


def format_value(name: str, value: Value) -> str:
    """A setting's value as the page writes it."""
    control = CONTROLS[name]
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(control, Slide) and control.least and value == control.lowest:
        return control.least
    if isinstance(control, Slide) and control.most and value == control.highest:
        return control.most
    if isinstance(value, float):
        return own_digits(value, 4)
    if isinstance(control, OneOf):
        return control.options[str(value)]
    if isinstance(control, SomeOf) and isinstance(value, list):
        return ", ".join(control.options[word] for word in value) or "none"
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return (text if len(text) < LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…") or "none"
