"""The terms of the pages, explained on hover wherever they stand."""

import re
from collections.abc import Mapping
from html import escape

TERMS: Mapping[str, str] = {
    "nats": "Natural logarithms: one nat is a factor of e, about 2.72.",
    "lag": "How many timesteps before the loss.",
    "lags": "A lag is how many timesteps before the loss.",
    "decades": "Powers of ten: two decades are a factor of 100.",
    "largest singular value": "How much W stretches a vector at most.",
    "spectral radius": "The largest absolute value of W's eigenvalues.",
}
"""Term → what it means."""
WORDS: Mapping[str, str] = {"lags": "lag"}
"""Term → the one that says the same."""


def explain_terms(text: str) -> str:
    """HTML of our own making, with the first occurrence of each term explained on hover."""
    for term, meaning in TERMS.items():
        text = re.sub(rf"\b{term}\b(?![^<]*>)", f'<abbr title="{escape(meaning)}">{term}</abbr>', text, count=1)
    return text


def explain_in(text: str) -> str | None:
    """What the terms in a text mean, for the help beside it; None where it has none."""
    found = dict.fromkeys(WORDS.get(term, term) for term in TERMS if re.search(rf"\b{term}\b", text, re.IGNORECASE))
    return "  \n".join(f"**{term.capitalize()}.** {TERMS[term]}" for term in found) or None
