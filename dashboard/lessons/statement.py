"""A sentence about measured numbers, and whether the numbers support it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.wording import exact_percent, power_of_ten, rate, significant


class Written(float):
    """A number that writes itself as the page writes numbers.

    `{x}` three significant digits; `{x:whole}` no decimals; `{x:share}` a percentage; `{x:signed}` with its sign;
    `{x:decades}` 10 to this number; `{x:rate}` nats per step as a factor.
    """

    def __format__(self, form: str) -> str:
        value = float(self)
        if form == "whole":
            return f"{value:,.0f}".replace("-", "−")
        if form == "share":
            return exact_percent(value)
        if form == "signed":
            return f"+{significant(value)}" if value >= 0 else significant(value)
        if form == "decades":
            return power_of_ten(value)
        if form == "rate":
            return rate(value)
        if form:
            raise ValueError(f"the form of a number was {form!r}; it may be whole, share, signed, decades or rate.")
        return significant(value)


@dataclass(frozen=True)
class Statement:
    """A sentence (a little Markdown) about measured numbers."""

    template: str
    """`After {steps:whole} steps {left} is left.`: a literal number never stands in it."""
    holds: bool
    """Whether the numbers bear the sentence out; a test fails where it is False."""
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The sentence with its numbers."""
        return self.template.format_map({name: Written(value) for name, value in self.numbers.items()})


def says(template: str, holds: object, **numbers: float) -> Statement:
    """A statement whose sentence is true if `holds` is: a comparison of the very numbers in it."""
    return Statement(template, bool(holds), numbers)
