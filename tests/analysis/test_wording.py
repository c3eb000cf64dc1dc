"""Numbers in words: three significant digits at any size, and no notation of a programming language."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.wording import duration, power_of_ten, rate, significant

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(words: str) -> float:
    """The number that a person reads."""
    plain = words.replace("−", "-").replace(",", "")
    mantissa, _, exponent = plain.partition("×10")
    return float(mantissa) * 10.0 ** int(exponent.translate(SUPERSCRIPTS)) if exponent else float(plain)


@given(st.floats(min_value=1e-300, max_value=1e300), st.booleans())
def test_a_number_reads_as_itself_to_its_digits(value, negative):
    value = -value if negative else value
    for words, digits in ((significant(value), 0.05), (power_of_ten(math.log10(abs(value)), negative), 0.05)):
        assert "e" not in words
        assert read(words) == pytest.approx(value, rel=digits)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (999.4, "999"),
        (999.6, "1,000"),
        (-0.5, "−0.5"),
        (0.0, "0"),
        (99999.4, "99,999"),
        (1e5, "1×10⁵"),
        (1e-4, "1×10⁻⁴"),
    ],
)
def test_significant(value, words):
    assert significant(value) == words


@pytest.mark.parametrize(
    ("log10", "words"),
    [(2.9999, "1×10³"), (-400, "1×10⁻⁴⁰⁰"), (math.inf, "∞"), (-math.inf, "0"), (math.nan, "not a number"), (0, "1")],
)
def test_power_of_ten(log10, words):
    assert power_of_ten(log10) == words


@pytest.mark.parametrize("nats", [-1000.0, -0.21, 0.0, 0.21, 6.9076, 800.0])
def test_a_rate_of_any_size_has_words(nats):
    words = rate(nats)
    assert re.fullmatch(r"×\S+ per step \([+−]\S+ nats\)", words)
    assert "e+" not in words


def test_duration():
    assert [duration(s) for s in (0.4, 1, 59, 61, 899, 3600, 3599.9)] == [
        "0 seconds", "1 second", "59 seconds", "1 minute", "15 minutes", "1 hour", "1 hour"
    ]  # fmt: skip
    assert [duration(s) for s in (7500, 86_399, 86_400, 100_000, 200_000)] == [
        "2 hours 5 minutes", "1 day", "1 day", "1 day 4 hours", "2 days 8 hours"
    ]  # fmt: skip
