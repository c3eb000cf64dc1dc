"""What a page says about the parts of a link that it does not take."""

from collections.abc import Sequence

MOST_NAMED = 3
"""Parts that the sentence names."""


def say_ignored(wrong: Sequence[str]) -> list[str]:
    """One sentence that names the first parts that are wrong; no sentence if none is.

    Args:
        wrong: a few words for each part, as "beat was 'x'; it must be one of predict, do, decide".
    """
    return [f"These parts of the link were ignored: {'; '.join(wrong[:MOST_NAMED])}."] if wrong else []
