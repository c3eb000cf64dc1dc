"""The paper's figure again: a quantity over the arms, or over a number that stands for each arm, with its spread."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.lines import point_columns
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, OTHER_COLOURS, figure
from analysis.wording import significant
from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.recipes.expectation import Statistic, Values, middle
from experiments.sweeps.plan import choice, known, table, text

KEYS = ("title", "value", "published", "statistic", "x_title", "y_title", "lines", "printed")

Points = tuple[tuple[float, float], ...]
PRINTED = "source"
"""What the legend adds to the name of a line that was read off the source's figure."""


@dataclass(frozen=True)
class Drawing:
    """A [[draw]] table."""

    title: str
    value: str
    """A quantity of every arm."""
    published: str
    """What the source shows, for the caption."""
    statistic: Statistic
    x_title: str
    y_title: str
    lines: Mapping[str, Mapping[str, float]]
    """A line's name → arm → its place on the axis; none draws one bar per arm."""
    printed: Mapping[str, Points]
    """A line's name → the points that were read off the source's figure, drawn dotted."""


def read_drawing(given: object, arms: Collection[str], quantities: Collection[str]) -> Drawing:
    """One [[draw]] table.

    Raises:
        ConfigError: the first mistake.
    """
    if not isinstance(given, dict):
        raise ConfigError(f"draw was {shortened(given)}; it must be [[draw]] tables.")
    known(given, KEYS, "[[draw]]")
    value = text(given, "value", "")
    if value not in quantities:
        raise ConfigError(f"a [[draw]] is about {shortened(value)}; it must be a quantity: {', '.join(quantities)}.")
    lines: dict[str, dict[str, float]] = {}
    for name, of_line in table(given, "lines").items():
        if not isinstance(of_line, dict) or not all(isinstance(x, int | float) for x in of_line.values()):
            raise ConfigError(f"the line {shortened(name)} was {shortened(of_line)}; it must give each arm a number.")
        lines[str(name)] = {str(arm): float(x) for arm, x in of_line.items()}
    printed = {str(name): read_points(str(name), points, lines) for name, points in table(given, "printed").items()}
    for arm in (arm for of_line in lines.values() for arm in of_line if arm not in arms):
        raise ConfigError(f"a line has the arm {shortened(arm)}; it must be one of {', '.join(arms)}.")
    return Drawing(
        text(given, "title", value),
        value,
        text(given, "published", ""),
        "mean" if choice(given, "statistic", ("median", "mean")) == "mean" else "median",
        text(given, "x_title", ""),
        text(given, "y_title", value),
        lines,
        printed,
    )


def read_points(name: str, given: object, lines: Collection[str]) -> Points:
    """The points of a printed line, which stands beside one of ours.

    Raises:
        ConfigError: they are no list of pairs of numbers, or there is no such line.
    """
    if name not in lines:
        raise ConfigError(f"the printed line was {shortened(name)}; it must be one of the lines: {', '.join(lines)}.")
    points = given if isinstance(given, list) else []
    if points and all(isinstance(p, list) and len(p) == 2 and all(map(is_number, p)) for p in points):
        return tuple((float(x), float(y)) for x, y in points)
    raise ConfigError(f"the printed line {shortened(name)} was {shortened(given)}; it must be [[x, y], …].")


def is_number(value: object) -> bool:
    """Whether TOML gave a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def drawn(
    drawing: Drawing, values: Values, labels: Mapping[str, str], colours: Mapping[str, str], name: str
) -> Picture:
    """The picture of the numbers that came out; medians have the spread over the seeds as whiskers."""
    made = figure(drawing.title, drawing.x_title, drawing.y_title, 400)
    made.update_layout(legend=LEGEND_BELOW, margin_t=48, showlegend=bool(drawing.lines))
    lines = drawing.lines or {label: {arm: float(k)} for k, (arm, label) in enumerate(labels.items())}
    points = []
    for k, (line, of_line) in enumerate(lines.items()):
        numbers = [values.get(f"{arm}.{drawing.value}", ()) for arm in of_line]
        y = np.array([middle(of_arm, drawing.statistic) for of_arm in numbers])
        whiskers = None if drawing.statistic == "mean" else whiskers_of(numbers, y)
        if drawing.lines:
            colour = OTHER_COLOURS[k % len(OTHER_COLOURS)]
            made.add_scatter(
                x=list(of_line.values()), y=y, name=line, mode="lines+markers", error_y=whiskers,
                line={"color": colour, "width": 2.5}, marker={"size": 9},
            )  # fmt: skip
        else:
            made.add_bar(x=[line], y=y, name=line, error_y=whiskers, marker={"color": colours[next(iter(of_line))]})
        points.append((line, np.array(list(of_line.values())), y))
        if line in drawing.printed:
            name, x, y = f"{line}, {PRINTED}", *np.array(drawing.printed[line]).T
            made.add_scatter(x=x, y=y, name=name, mode="lines", line={"color": colour, "width": 2, "dash": "dot"})
            points.append((name, x, y))
    named = "; ".join(f"{line} {', '.join(significant(float(v)) for v in y)}" for line, _, y in points)
    shown = f" The source: {drawing.published}." if drawing.published else ""
    what = (
        "mean over the seeds" if drawing.statistic == "mean" else "median over the seeds, with both ends of the spread"
    )
    sentence = f"The {what}.{shown}"
    columns = point_columns(drawing.x_title or "place", drawing.y_title, points)
    return Picture(name, made, sentence, f"{drawing.title}. {named}.", columns)


def whiskers_of(numbers: Sequence[Sequence[float]], middles: Float[ndarray, " arm"]) -> dict[str, object]:
    """From each arm's middle to its smallest and its largest number."""
    spread = [(min(of_arm), max(of_arm)) if of_arm else (np.nan, np.nan) for of_arm in numbers]
    low, high = np.array(spread).T
    return {"type": "data", "symmetric": False, "array": high - middles, "arrayminus": middles - low}
