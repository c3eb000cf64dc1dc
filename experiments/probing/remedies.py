"""Remedies that were tried: each finding comes with the first one that removes it, or says that no setting does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from analysis.finding import Finding, Remedy
from experiments.errors import ConfigError

Attempt = Callable[[Mapping[str, object]], Sequence[Finding]]
"""From changed settings to what is then found. Raises ConfigError where they cannot be set."""


def settle_remedies(found: Sequence[Finding], attempt: Attempt) -> list[Finding]:
    """The same findings, each with a remedy that was tried.

    The first remedy that removes its finding and brings no other is taken; else the first that removes it, which then
    says what it brings; else words that say that no setting removes it.
    """
    return [replace(finding, settled=settle(finding, found, attempt)) for finding in found]


def settle(finding: Finding, found: Sequence[Finding], attempt: Attempt) -> Remedy:
    """The remedy of one finding among those that were found."""
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
    """What to say where no setting removes a finding."""
    if any(remedy.settings for remedy in finding.remedies):
        return "No setting that was tried here removes it."
    return f"No setting removes it. {finding.remedies[0].words}"


def is_same(a: Finding, b: Finding) -> bool:
    """Whether two findings are about the same thing."""
    return (a.kind, a.title) == (b.kind, b.title)
