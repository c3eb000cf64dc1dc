"""Counts in words."""


def counted(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def are(count: int) -> str:
    """The verb that goes with so many: `is` or `are`."""
    return "is" if count == 1 else "are"
