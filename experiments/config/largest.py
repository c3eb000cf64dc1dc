"""The largest numbers that settings may have."""

from typing import Annotated

from annotated_types import Ge, Le

LARGEST_WHOLE = 2**63 - 1
"""The largest whole number that JSON's readers and torch accept."""

Count = Annotated[int, Ge(1), Le(LARGEST_WHOLE)]
"""How many units or sequences are kept: at least one, since a recorded step cannot be empty."""

LARGEST = 1e30
"""Largest learning rate and threshold: torch's optimisers and clamps fail for numbers that float32 cannot hold."""
