"""What is wrong on Explore. Each remedy was tried with the page's settings, so each button works."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from analysis.finding import Finding
from dashboard.explore.configs import page_values
from dashboard.explore.differences import describe_differences
from dashboard.explore.networks import network_of
from dashboard.explore.settings import Settings
from dashboard.explore.view import record_view
from experiments.probing.remedies import settle_remedies


@lru_cache(maxsize=64)  # a rerun of the page asks again, and every remedy is a recorded pass
def advise(settings: Settings, cell: str) -> Sequence[Finding]:
    """The findings about one cell, each with the first remedy that removes it on this page."""

    def attempt(remedy: Mapping[str, object]) -> list[Finding]:
        return find_problems(with_remedy(settings, remedy), cell)

    return settle_remedies(find_problems(settings, cell), attempt)


def find_problems(settings: Settings, cell: str) -> list[Finding]:
    """What is wrong with one cell at these settings. Raises ConfigError for settings that are not allowed."""
    view = record_view(replace(settings, cells=(cell,)))
    result = view.probes[cell]
    return result.diagnose(view.clip(result))


def with_remedy(settings: Settings, remedy: Mapping[str, object]) -> Settings:
    """The page's settings after a remedy. Raises ConfigError for one that the page cannot set."""
    return Settings.of({**settings.as_values(), **page_values(remedy, network_of(settings))})


def describe_changes(settings: Settings, remedy: Mapping[str, object]) -> str:
    """The settings that a remedy changes, in words; and that they count for all cells."""
    changes = "; ".join(describe_differences(settings, with_remedy(settings, remedy)))
    return f"{changes} (for all cells)" if settings.is_drawn and len(settings.cells) > 1 else changes
