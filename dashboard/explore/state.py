"""Everything that Explore shows follows from one state: the settings, what is pinned, and the starting point."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from dashboard.explore.link import read_settings, write_link
from dashboard.explore.networks import NAMING, controls_of, network_of, open_network
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import Settings

PINNED, START = "pinned", "from"
"""Parameters of the address beside the settings."""
DEFAULTS = "defaults"
LONGEST_PINNED = 10_000
"""Letters of an address that are read of A's settings."""


@dataclass(frozen=True)
class State:
    """What the page shows."""

    settings: Settings
    pinned: Settings | None = None
    """The settings that are pinned as A."""
    preset: int | None = None
    """The number of the starting point from which it was reached."""


FIRST = State(Settings.of(PRESETS[0].settings), None, 0)
"""The state of a first visit, whose address has no parameters."""


def slug(preset: int) -> str:
    """A starting point's name in an address: `forget-gate`."""
    return "-".join(re.findall("[a-z]+", PRESETS[preset].name.lower()))


def write_state(state: State) -> dict[str, str]:
    """The address's parameters for a state; none for that of a first visit, and for a file that only its owner opens.

    Raises:
        ConfigError: a network that it names is gone.
    """
    if state == FIRST or state.settings.upload:
        return {}
    parameters = _write_settings(state.settings)
    if state.pinned is not None and not state.pinned.upload:
        parameters[PINNED] = urlencode(_write_settings(state.pinned)) or DEFAULTS
    if state.preset is not None:
        parameters[START] = slug(state.preset)
    return parameters or {START: DEFAULTS}


def _write_settings(settings: Settings) -> dict[str, str]:
    return write_link(settings, controls_of(network_of(settings)))


def read_state(link: Mapping[str, str]) -> tuple[State | None, list[str]]:
    """The state that an address describes, None where it names no network; and a few words for each part that is wrong.

    Raises:
        ConfigError: a network that it names cannot be opened.
    """
    settings, wrong = _read_linked({name: text for name, text in link.items() if name not in (PINNED, START)})
    pinned, text = None, link.get(PINNED, "")
    if text:
        given = {} if text == DEFAULTS else dict(parse_qsl(text[:LONGEST_PINNED]))
        pinned, refused = _read_linked(given)
        wrong += [f"{PINNED}: {words}" for words in refused]
    preset = next((k for k in range(len(PRESETS)) if slug(k) == link.get(START)), None)
    return None if settings is None else State(settings, pinned, preset), wrong


def _read_linked(link: Mapping[str, str]) -> tuple[Settings | None, list[str]]:
    naming, wrong = read_settings({name: text for name, text in link.items() if name in NAMING})
    if wrong:
        return None, wrong
    opened = open_network(naming)
    values, wrong = read_settings(link, controls_of(opened))
    start = Settings().as_values() if opened is None else opened.start
    return Settings.of({**start, **values, **({} if opened is None else opened.naming)}), wrong
