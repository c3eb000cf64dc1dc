"""Numbers in words, the same on the command line and on the page: three significant digits, decades, rates, times."""

import math
from collections.abc import Sequence

PERCENT = "\N{NO-BREAK SPACE}%"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def superscript(number: int) -> str:
    """A whole number, raised: `⁻¹²`."""
    return str(number).translate(SUPERSCRIPTS)


def significant(value: float) -> str:
    """Three significant digits; a power of ten outside 0.001 … 100,000."""
    if not math.isfinite(value):
        return str(value)
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return power_of_ten(math.log10(abs(value)), negative=value < 0)
    # 999.5 has four digits once it is rounded, and Python would write 1e+03.
    return (f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}").replace("-", "−")


def any_number(value: float) -> str:
    """The same, of a value that may have diverged.

    Example:
        >>> any_number(0.25), any_number(float("-inf")), any_number(float("nan"))
        ('0.25', '−∞', 'not a number')
    """
    if math.isfinite(value):
        return significant(value)
    return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"


def told_apart(values: Sequence[float]) -> list[str]:
    """The values with as many digits, from three to eight, as tell those apart that differ.

    Example:
        >>> told_apart([1.2391, 1.2393, 1.2391])
        ['1.2391', '1.2393', '1.2391']
        >>> told_apart([0.5, 2.0])
        ['0.5', '2']
    """
    words = [significant(value) for value in values]
    for digits in range(4, 9):
        if len({*words}) == len({*values}):
            break
        words = [own_digits(value, digits).replace("-", "−") for value in values]
    return words


def own_digits(value: float, digits: int = 6) -> str:
    """A number with the digits that it was given, up to some: `0.0125`, `1.5×10⁻⁷`."""
    mantissa, power, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}×10{superscript(int(exponent))}" if power else mantissa


def percent(share: float) -> str:
    """A share in whole percent, as every page writes it; no line ends between the number and its sign.

    Example:
        >>> percent(0.734)
        '73\\xa0%'
    """
    return f"{100 * share:.0f}{PERCENT}"


def exact_percent(share: float) -> str:
    """A share in percent with three significant digits.

    Example:
        >>> exact_percent(0.1234)
        '12.3\\xa0%'
    """
    return significant(100 * share) + PERCENT


def power_of_ten(log10: float, negative: bool = False) -> str:
    """10^log10 for a log of any size, such as `3.2×10⁻¹²`; plain between 0.001 and 1000, `0` and `∞` for ∓inf."""
    if math.isnan(log10):
        return "not a number"
    if math.isinf(log10):
        return "0" if log10 < 0 else "∞"
    sign = "−" if negative else ""
    if -3 <= log10 < math.log10(999.5):
        return f"{sign}{10**log10:.3g}"
    exponent = math.floor(log10)
    mantissa = round(10 ** (log10 - exponent), 1)
    if mantissa >= 10:
        mantissa, exponent = 1.0, exponent + 1
    return f"{sign}{mantissa:g}×10{superscript(exponent)}"


def rate(nats_per_step: float) -> str:
    """A rate per step as factor and nats: `×0.81 per step (−0.21 nats)`."""
    sign = "−" if nats_per_step < 0 else "+"
    factor = power_of_ten(nats_per_step / math.log(10))
    return f"×{factor} per step ({sign}{significant(abs(nats_per_step))} nats)"


def duration(seconds: float) -> str:
    """A time in words, in its largest unit or two: `45 seconds`, `15 minutes`, `2 hours 5 minutes`, `1 day 4 hours`."""
    if seconds < 59.5:
        return counted(round(seconds), "second")
    minutes = round(seconds / 60)
    if minutes < 60:
        return counted(minutes, "minute")
    if minutes < 24 * 60:
        unit, parts, (count, rest) = "hour", "minute", divmod(minutes, 60)
    else:
        unit, parts, (count, rest) = "day", "hour", divmod(round(seconds / 3600), 24)
    return counted(count, unit) + (f" {counted(rest, parts)}" if rest else "")


def about(seconds: float) -> str:
    """A time that is not known exactly: `about 45 seconds`, `a second`."""
    return f"about {duration(seconds)}" if seconds >= 1.5 else "a second"


def counted(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def are(count: int) -> str:
    """The verb for a count: `is` for 1, else `are`."""
    return "is" if count == 1 else "are"
