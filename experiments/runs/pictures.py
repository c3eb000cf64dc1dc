"""Charts of recorded runs for the pages and for an exported page; several runs share a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy import ndarray

from analysis.figures.line_ends import last, title_of_ends
from analysis.figures.picture import Picture
from analysis.figures.running_mean import running_mean
from analysis.figures.theme import OTHER_COLOURS, cell_colour
from analysis.figures.training import (
    Lane,
    lines_picture,
    loss_picture,
    norm_picture,
)
from analysis.figures.training_heatmap import common_reach, heatmap_picture
from analysis.wording import PERCENT, percent
from experiments.config.words import cut, visible
from experiments.runs.naming import labels
from experiments.runs.store.layout import MEDIAN, ending
from experiments.runs.store.reader import RunReader

DASHES = ("solid", "dash", "dot", "dashdot")
MOST_COLUMNS = 400
"""Recorded steps in a heatmap: about what a screen can show, and quick to read while the run goes on."""
MOST_EVENTS = 200
"""Events that a chart marks."""

DRAWN_ELSEWHERE = ("step", "loss", "grad_norm", "clip")
"""Logged numbers that have their own place in the pictures of all runs."""
MOST_OWN = 20
"""Pictures of other logged numbers."""

Line = tuple[str, str, str, ndarray, ndarray]
"""Label, colour, dash, steps, values."""


def lane(reader: RunReader, label: str, colour: str, dash: str) -> Lane:
    """A run's scalars for the lines of a chart."""
    scalars = reader.scalars()
    step = scalars.get("step", np.zeros(0)).astype(int)
    unknown = np.full(len(step), np.nan)
    if reader.form.watched:
        before, after = logged_norms(scalars, unknown)
    else:
        before, after = (scalars.get(f"log_norm_{when}", unknown) for when in ("before", "after"))
    return Lane(
        label=label,
        colour=colour,
        step=step,
        loss=scalars.get("loss", unknown),
        chance=reader.chance,
        log_norm_before=before,
        log_norm_after=after,
        events=[(int(e["step"]), str(e["text"])) for e in reader.events() if e["kind"] != "ended"][:MOST_EVENTS],
        dash=dash,
    )


def logged_norms(scalars: Mapping[str, ndarray], unknown: ndarray) -> tuple[ndarray, ndarray]:
    """ln of the whole gradient's norm before and after clipping, from what `clip_grad_norm_` has returned."""
    norm, threshold = scalars.get("grad_norm", unknown), scalars.get("clip", unknown)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(norm), np.log(np.fmin(norm, threshold))


def lane_looks(readers: Sequence[RunReader], names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Label, colour and dash of each run's lines: its cell's colour; a second run of one cell takes another.

    The same runs look the same on every page, in whatever order they stand there.
    """
    made: dict[str, tuple[str, str, str]] = {}
    used: set[str] = set()
    for reader, label in sorted(zip(readers, names, strict=True), key=lambda pair: pair[0].name):
        own = cell_colour(reader.form.stack.cell)
        free = [c for c in (own, *OTHER_COLOURS) if c not in used]
        colour = free[0] if free else own
        used.add(colour)
        made[reader.name] = label, colour, DASHES[len(made) % len(DASHES)]
    return [made[reader.name] for reader in readers]


def lanes(readers: Sequence[RunReader]) -> list[Lane]:
    """All runs' lanes."""
    looks = lane_looks(readers, labels(readers))
    return [lane(reader, *look) for reader, look in zip(readers, looks, strict=True)]


def thresholds(readers: Sequence[RunReader], made: Sequence[Lane]) -> Mapping[str, float | None]:
    """Label → the threshold in force at the run's last step."""
    out: dict[str, float | None] = {}
    for reader, one in zip(readers, made, strict=True):
        name = "clip" if reader.form.watched else "clip_threshold"
        now = reader.progress.latest.get(name, reader.settings.get(name))
        out[one.label] = float(now) if isinstance(now, int | float) else None
    return out


def run_pictures(readers: Sequence[RunReader], joins_seeds: bool = False) -> dict[str, Picture]:
    """Everything over the optimiser's steps, by chart key: a heatmap a run, the rest of all runs together.

    Args:
        readers: the runs.
        joins_seeds: whether runs that differ only in their seed are one line of the loss, with a band.

    Raises:
        DamagedRunError: something that is shown is damaged.
    """
    made = lanes(readers)
    pictures: dict[str, Picture] = {}
    pairs = list(zip(readers, made, strict=True))
    if of_loss := [(reader, lane) for reader, lane in pairs if not reader.form.watched or has_any(lane.loss)]:
        with_loss, lines = [reader for reader, _ in of_loss], [lane for _, lane in of_loss]
        pictures["loss"] = loss_picture(join_seeds(with_loss, lines) if joins_seeds else lines)
    if shares := accuracy_lines(readers, made):
        title = title_of_ends("Right answers", ends_of(shares), lambda value: percent(value / 100))
        pictures["accuracy"] = lines_picture(
            "accuracy", title, "right answers",
            "The share of the answers that are right: of new sequences where a run was evaluated, else of batches.",
            shares, unit=PERCENT,
        )  # fmt: skip
    pictures |= heatmaps(readers, made)
    if of_norm := [lane for reader, lane in pairs if not reader.form.watched or has_any(lane.log_norm_before)]:
        pictures["norm"] = norm_picture(of_norm, thresholds(readers, made))
    pictures |= counted_pictures(readers, made) | own_pictures(readers, made)
    if any("spectral_norm" in reader.tensors for reader in readers):
        pictures["spectral"] = spectral_norm_picture(readers, made)
    return pictures


def ends_of(lines: Sequence[Line]) -> list[tuple[str, float]]:
    """The label and the last value of each line."""
    return [(label, last(values)) for label, *_, values in lines]


def accuracy_lines(readers: Sequence[RunReader], made: Sequence[Lane]) -> list[Line]:
    """The right answers (%) of the runs that know them: evaluated ones, else running means over batches."""
    lines: list[Line] = []
    for reader, one in zip(readers, made, strict=True):
        scalars = {} if reader.form.watched else reader.scalars()
        evaluated = scalars.get("evaluation_accuracy", np.zeros(0))
        known = np.isfinite(evaluated)
        if known.any():
            lines.append((one.label, one.colour, one.dash, one.step[known], 100 * evaluated[known]))
        elif np.isfinite(batch := scalars.get("accuracy", np.zeros(0))).any():
            mean = running_mean(100 * batch, max(1, len(batch) // 100))
            lines.append((one.label, one.colour, one.dash, one.step, mean))
    return lines


def seed_groups(readers: Sequence[RunReader]) -> list[list[int]]:
    """The places of the runs, those that differ only in their seed together."""
    groups: dict[str, list[int]] = {}
    for k, reader in enumerate(readers):
        others = {name: value for name, value in reader.settings.items() if name != "seed"}
        groups.setdefault(reader.name if reader.form.watched else repr(others), []).append(k)
    return [*groups.values()]


def join_seeds(readers: Sequence[RunReader], made: Sequence[Lane]) -> list[Lane]:
    """The lanes, with those of runs that differ only in their seed as one."""
    groups = seed_groups(readers)
    names = labels([readers[group[0]] for group in groups])
    return [join([made[k] for k in group], name) for name, group in zip(names, groups, strict=True)]


def join(seeds: Sequence[Lane], label: str) -> Lane:
    """Several runs as one line, their median, with a band; one run as it is."""
    longest = max(seeds, key=lambda lane: len(lane.step))
    if len(seeds) == 1:
        return longest
    losses = np.full((len(seeds), len(longest.step)), np.nan)
    for row, one in enumerate(seeds):
        losses[row, : len(one.loss)] = one.loss
    some, median = ~np.isnan(losses).all(axis=0), np.full(len(longest.step), np.nan)
    median[some] = np.nanmedian(losses[:, some], axis=0)
    return replace(longest, label=f"{label}, {len(seeds)} seeds", loss=median, members=list(losses), events=())


def has_any(values: ndarray) -> bool:
    """Whether a training has logged any of these."""
    return not bool(np.isnan(values).all())


COUNTED = {
    "update_size": ("Size of an update", "‖Δθ‖ ÷ ‖θ‖", "How far a step moved all weights, relative to their size."),
    "flossing": (
        "Flossing",
        "mean squared exponent, nats²",
        "The mean square of the Lyapunov exponents that the first steps push to 0.",
    ),
    "penalty": ("Penalty Ω", "Ω", "Pascanu's Ω: 0 if every step back keeps the gradient's norm."),
}
"""Numbers that a configured run has at every step: title, axis, sentence."""


def counted_pictures(readers: Sequence[RunReader], made: Sequence[Lane]) -> dict[str, Picture]:
    """The size of updates and the penalty, of the runs that recorded them."""
    pictures = {}
    for name, (title, axis, sentence) in COUNTED.items():
        lines: list[Line] = []
        for reader, one in zip(readers, made, strict=True):
            values = reader.scalars().get(name)
            if values is not None and not reader.form.watched and has_any(values):
                lines.append((one.label, one.colour, one.dash, one.step, values))
        if lines:
            pictures[name] = lines_picture(name, title_of_ends(title, ends_of(lines)), axis, sentence, lines)
    return pictures


def own_pictures(readers: Sequence[RunReader], made: Sequence[Lane]) -> dict[str, Picture]:
    """The numbers that watched trainings logged under their own names: one chart per name, for all runs with it."""
    lines: dict[str, list[Line]] = {}
    for reader, one in zip(readers, made, strict=True):
        if reader.form.watched:
            for name, values in reader.scalars().items():
                if name not in DRAWN_ELSEWHERE:
                    lines.setdefault(name, []).append((one.label, one.colour, one.dash, one.step, values))
    return {
        f"own-{k}": lines_picture(
            f"own-{k}",
            title_of_ends(shown, ends_of(of_name)),
            "value",
            f"What the training has logged as {shown}.",
            of_name,
        )
        for k, (name, of_name) in enumerate(list(lines.items())[:MOST_OWN])
        for shown in [cut(visible(name))]
    }


def heatmaps(readers: Sequence[RunReader], made: Sequence[Lane]) -> dict[str, Picture]:
    """Each recorded run's gradient profiles over training, by chart key, all on one colour scale."""
    found: dict[str, tuple[str, ndarray, ndarray]] = {}
    for reader, one in zip(readers, made, strict=True):
        for module in reader.forms:
            view = reader.of(module)
            rows = thinned_rows(view, "log_norm_quantile")
            label = f"{one.label}: {cut(visible(module))}" if len(reader.forms) > 1 else one.label
            if len(rows):
                median = rows[:, view.form.top, :, MEDIAN].astype(float)
                key = f"heatmap-{reader.name}{ending(view.index)}"
                found[key] = label, thinned_rows(view, "step"), median
    reach = common_reach([median for _, _, median in found.values()]) if len(found) > 1 else None
    return {key: heatmap_picture(*one, reach=reach) for key, one in found.items()}


def spectral_norm_picture(readers: Sequence[RunReader], made: Sequence[Lane]) -> Picture:
    """The largest spectral norm and radius of any recurrent block, over steps."""
    lines: list[Line] = []
    for reader, one in zip(readers, made, strict=True):
        if "spectral_norm" not in reader.tensors:
            continue
        step = thinned_rows(reader, "step")
        for what, dash in (("norm", "solid"), ("radius", "dot")):
            values = thinned_rows(reader, f"spectral_{what}")[:, reader.form.top].max(axis=-1, initial=-np.inf)
            lines.append((f"{one.label}: {what}", one.colour, dash, step, values))
    norms = [(label.removesuffix(": norm"), end) for label, end in ends_of(lines[::2])]
    picture = lines_picture(
        "spectral-norm", title_of_ends("Largest singular value of W", norms), "singular value, radius",
        "The largest singular value (solid) and the largest |eigenvalue| (the radius, dotted) of the top layer's "
        "recurrent matrix as it is trained. The level line is 1.",
        lines, level=1.0,
    )  # fmt: skip
    for trace in picture.figure.data:
        trace.showlegend = not str(trace.name).endswith(": radius")  # the sentence says what is dotted
    return picture


def thinned_rows(reader: RunReader, name: str) -> ndarray:
    """The committed rows of an array, thinned to what a chart can show."""
    tensor = reader.tensor(name)
    stride = max(1, -(-len(tensor) // MOST_COLUMNS))
    return tensor[::stride]
