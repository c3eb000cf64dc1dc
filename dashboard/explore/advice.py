"""What is wrong on Explore, with remedies that were tried with the page's own settings: each of its buttons works."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import orjson

from analysis.finding import Finding
from dashboard.explore.controls import page_values
from dashboard.explore.scene import Scene, scene
from dashboard.explore.state import SETTINGS, differences
from dashboard.server.checks import Value
from experiments.probing.probe import Probe
from experiments.probing.remedies import settle_remedies


def advise(shown: Scene, cell: str) -> Sequence[Finding]:
    """The findings about one cell, each with the first remedy that removes it on this page."""
    return _advise(orjson.dumps({name: shown.state[name] for name in SETTINGS}), cell)


@lru_cache(maxsize=64)  # a rerun of the page asks again, and every remedy is a recorded pass
def _advise(state_json: bytes, cell: str) -> Sequence[Finding]:
    state: Mapping[str, Value] = orjson.loads(state_json)

    def attempt(settings: Mapping[str, object]) -> list[Finding]:
        return found({**state, **page_values(settings)}, cell)

    return settle_remedies(found(state, cell), attempt)


def found(state: Mapping[str, Value], cell: str) -> list[Finding]:
    """What is wrong with one cell at these settings. Raises ConfigError for settings that are not allowed."""
    shown = scene({**state, "cells": [cell]}, None)
    result: Probe = shown.probes[cell]
    return result.diagnose(shown.clip(result))


def describe_changes(state: Mapping[str, Value], settings: Mapping[str, object]) -> str:
    """What a remedy changes on the page, and for whom: its settings are those of all cells."""
    changes = "; ".join(differences(state, {**state, **page_values(settings)}))
    cells = state["cells"]
    return f"{changes} (for all cells)" if isinstance(cells, list) and len(cells) > 1 else changes
