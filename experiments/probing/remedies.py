"""Try remedies: each finding gets the first remedy that removes it, or a sentence that no setting does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from analysis.finding import Finding, Remedy
from experiments.errors import ConfigError

Attempt = Callable[[Mapping[str, object]], Sequence[Finding]]
"""Changed settings → the findings with them. Raises ConfigError if the settings are not possible."""


def settle_remedies(found: Sequence[Finding], attempt: Attempt) -> list[Finding]:
    """The same findings, each with a remedy that was tried.

    It takes the first remedy that removes its finding and causes no other. If there is none, it takes the first that
    removes its finding, and the words name the new one. If there is none either, the words say that no setting helps.
    """
    return [replace(finding, settled=settle(finding, found, attempt)) for finding in found]


def settle(finding: Finding, found: Sequence[Finding], attempt: Attempt) -> Remedy:
    """The remedy of one finding, tried against all findings."""
    second: Remedy | None = None
    for remedy in finding.remedies:
        if not remedy.settings:
            continue
        try:
            then = attempt(remedy.settings)
        except ConfigError:
            continue
        if any(is_same(finding, other) for other in then):
            continue
        brought = [f for f in then if f.severity != "note" and not any(is_same(f, before) for before in found)]
        if not brought:
            return remedy
        titles = "; ".join(f.title for f in brought)
        second = second or Remedy(f"{remedy.words} Then there is another finding: {titles}.", remedy.settings)
    return second or Remedy(words_without_setting(finding))


def words_without_setting(finding: Finding) -> str:
    """The sentence for a finding that no setting removes."""
    if any(remedy.settings for remedy in finding.remedies):
        return "No setting that was tried here removes it."
    return f"No setting removes it. {finding.remedies[0].words}"


def is_same(a: Finding, b: Finding) -> bool:
    """Whether two findings are about the same thing."""
    return (a.kind, a.title) == (b.kind, b.title)
