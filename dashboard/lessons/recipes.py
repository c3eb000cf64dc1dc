"""The published experiments behind each lesson: one table."""

from collections.abc import Mapping

RECIPES: Mapping[int, tuple[str, ...]] = {
    1: ("doya",),
    3: ("copy-orthogonal",),
    5: ("lyapunov-theory", "flossing"),
    6: ("cliff",),
    7: ("temporal-order",),
    8: ("lstm-cec", "forget-bias", "chrono", "long-short"),
    9: ("chung", "adding-by-cell"),
    10: ("influence-balancing",),
    11: ("latch-unit", "latch"),
    12: ("attention-adding", "reverse-source"),
}
"""A lesson's number → the recipes of its claim, `python -m experiments recipe NAME`."""
