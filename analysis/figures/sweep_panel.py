"""One heatmap of a sweep, as numbers and in words."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.theme import CELL_COLOURS, cell_name
from analysis.wording import significant

Cells = Float[ndarray, "row column"]


@dataclass(frozen=True, eq=False)
class Heatmap:
    """One heatmap: the results of each cell's runs, [row, column]; NaN if no run is planned."""

    label: str
    mean: Cells
    spread: Cells
    runs: Cells
    planned: Cells
    diverged: Cells
    failed: Cells
    critical: Mapping[str, float] = field(default_factory=dict)
    """Words → a value on the column axis at which theory draws a line."""


@dataclass(frozen=True)
class Side:
    """One axis: its name with its unit, and its values in order."""

    name: str
    values: tuple[object, ...]

    @property
    def texts(self) -> list[str]:
        """The values as ticks."""
        return [tick(value) for value in self.values]

    def at(self, k: int) -> str:
        """The axis at its value number k, in words."""
        return f"{self.name} {self.texts[k]}"

    @property
    def numbers(self) -> list[float]:
        """The values that are numbers: they come first. Between others nothing can be interpolated."""
        return [v for v in self.values if isinstance(v, int | float) and not isinstance(v, bool)]

    def place(self, value: float) -> float | None:
        """The position of a value among the positions 0, 1, …; None if it is outside, or if values are not numbers.

        Between two positive values it is interpolated by logarithms, since critical values are ratios.
        """
        numbers = self.numbers
        if len(numbers) < 2 or not numbers[0] <= value <= numbers[-1]:
            return None
        log = numbers[0] > 0
        known = np.log(numbers) if log else np.array(numbers, dtype=float)
        return float(np.interp(math.log(value) if log else value, known, np.arange(len(numbers))))


def tick(value: object) -> str:
    """A field's value at an axis: a cell by its name."""
    return cell_name(value) if isinstance(value, str) and value in CELL_COLOURS else words(value)


def words(value: object) -> str:
    """A field's value as text for a tick."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return significant(value)
    return str(value)


def number_or_words(value: object) -> object:
    """A field's value for a table: a number as it is."""
    return value if isinstance(value, int | float) else words(value)


def hover(panel: Heatmap, i: int, j: int, rows: Side, columns: Side) -> str:
    """A cell in words."""
    head = f"{rows.at(i)}, {columns.at(j)}"
    if math.isnan(panel.planned[i, j]):
        return f"{head}<br>no run is planned here"
    spread = "" if math.isnan(panel.spread[i, j]) else f" ± {significant(float(panel.spread[i, j]))}"
    mean = "" if math.isnan(panel.mean[i, j]) else f"<br>{significant(float(panel.mean[i, j]))}{spread}"
    counts = f"<br>{panel.runs[i, j]:.0f} of {panel.planned[i, j]:.0f} runs have a value"
    for name in ("diverged", "failed"):
        if (count := getattr(panel, name)[i, j]) > 0:
            counts += f", {count:.0f} {name}"
    return head + mean + counts


def crossing(panel: Heatmap, columns: Side) -> float | None:
    """The column value at which the mean over rows crosses 0 from below, by linear interpolation; None without one."""
    numbers = columns.numbers
    mean = np.array([v[np.isfinite(v)].mean() if np.isfinite(v).any() else np.nan for v in panel.mean.T])
    for k in range(len(numbers) - 1):
        if mean[k] < -1e-9 and mean[k + 1] >= -1e-9:
            share = -mean[k] / (mean[k + 1] - mean[k])
            low, high = numbers[k], numbers[k + 1]
            return float(low * (high / low) ** share if low > 0 else low + share * (high - low))
    return None


def headline(
    panels: Sequence[Heatmap], rows: Side, columns: Side, title: str, diverging: bool, what: str = "mean"
) -> str:
    """The title: where values cross 0, or from which to which value they go."""
    found = {panel.label: crossing(panel, columns) for panel in panels} if diverging else {}
    at = [
        f"{significant(place)}{f' ({label})' if label else ''}" for label, place in found.items() if place is not None
    ]
    if at:
        name = title.split(",")[0]
        return f"{name[:1].upper()}{name[1:]} crosses 0 at {columns.name} " + ", ".join(at)
    begin = title if title.startswith("ln ") else f"{title[:1].upper()}{title[1:]}"
    return f"{begin}{extremes(panels, rows, columns, what)}"


def extremes(panels: Sequence[Heatmap], rows: Side, columns: Side, what: str) -> str:
    """The smallest and the largest value, with a colon before them; empty without a value.

    A value that one cell alone has comes with its place. It is said how many planned cells have no value.
    """
    found = [
        (float(values[i, j]), k, i, j)
        for k, values in enumerate(getattr(panel, what) for panel in panels)
        for i, j in np.argwhere(np.isfinite(values)).tolist()
    ]
    if not found:
        return ""
    said = [significant(value) for value, *_ in found]

    def end(value: float, k: int, i: int, j: int) -> str:
        words = significant(value)
        place = ", ".join(filter(None, [panels[k].label, rows.at(i), columns.at(j)]))
        return f"{words} ({place})" if said.count(words) == 1 else words

    cells = sum(int(np.isfinite(panel.planned).sum()) for panel in panels)
    without = f"; {cells - len(found)} of {cells} cells have no value" if what == "mean" and cells > len(found) else ""
    low, high = end(*min(found)), end(*max(found))
    everywhere = "" if without else " everywhere"
    return (f": {low}{everywhere}" if len({*said}) == 1 else f": from {low} to {high}") + without


EACH = {
    "mean": "the mean over the seeds that have a value",
    "spread": "the standard deviation over seeds",
    "runs": "how many runs have a value",
}


def explanation(panels: Sequence[Heatmap], sentence: str, has_line: bool, what: str = "mean") -> str:
    """The caption: what the maps show."""
    seen = f"Each cell is {EACH[what]}: {sentence}."
    if has_line:
        seen += " The thick line is where it crosses 0."
    names = dict.fromkeys(name for panel in panels for names in panel.critical for name in names.split(", "))
    if names:
        seen += f" The dashed lines are theory ({', '.join(names)})."
        bound = " Left of the bound, one step makes any gradient of an untrained network smaller, so it must vanish."
        seen += bound if any_bound(names) else ""
    return seen


def any_bound(names: Iterable[str]) -> bool:
    """Whether one of the critical lines is a bound."""
    return any("bound" in name for name in names)


def alt_text(panels: Sequence[Heatmap], rows: Side, columns: Side, label: str) -> str:
    """The picture in words."""
    parts = [f"Heatmaps of {label} over {columns.name} and {rows.name}."]
    for panel in panels:
        finite = panel.mean[np.isfinite(panel.mean)]
        extent = (
            f"{significant(float(finite.min()))} to {significant(float(finite.max()))}" if finite.size else "no value"
        )
        lost = [
            f"{np.nansum(getattr(panel, n)):.0f} {n}" for n in ("diverged", "failed") if np.nansum(getattr(panel, n))
        ]
        parts.append(f"{panel.label or 'All runs'}: {extent}{', ' if lost else ''}{', '.join(lost)}.")
    return " ".join(parts)


def table(panels: Sequence[Heatmap], rows: Side, columns: Side) -> dict[str, list[object]]:
    """The numbers, one row per cell."""
    places = [(p, i, j) for p in panels for i in range(len(rows.values)) for j in range(len(columns.values))]
    out: dict[str, list[object]] = {"panel": [p.label for p, _, _ in places]}
    out[rows.name] = [number_or_words(rows.values[i]) for _, i, _ in places]
    out[columns.name] = [number_or_words(columns.values[j]) for _, _, j in places]
    for name in ("mean", "spread", "runs", "planned", "diverged", "failed"):
        out[name] = [float(getattr(p, name)[i, j]) for p, i, j in places]
    return out
