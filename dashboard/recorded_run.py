"""Recorded runs as pictures: what a run folder holds, laid out for the figures."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray

from analysis.figures.picture import Picture
from analysis.figures.theme import OTHER_COLOURS, cell_colour, cell_name
from analysis.figures.training import Lane, heatmap_picture, lines_picture, loss_picture, norm_picture
from experiments.config import RunConfig
from experiments.store.reader import RunReader

DASHES = ("solid", "dash", "dot", "dashdot")
MOST_COLUMNS = 400
"""Recorded steps in a heatmap: about what a screen can show, and quick to read while the run goes on."""


def labels(configs: Sequence[RunConfig]) -> list[str]:
    """What tells the runs apart: the cell, and each field in which they differ."""
    dumps = [config.model_dump() for config in configs]
    differing = [name for name in dumps[0] if len({str(d[name]) for d in dumps}) > 1 and name != "cell"]
    out = []
    for config, values in zip(configs, dumps, strict=True):
        words = [in_words(name, values[name]) for name in differing]
        out.append(", ".join([cell_name(config.cell), *words]))
    return out


def in_words(name: str, value: object) -> str:
    """A field as a label says it."""
    if name == "clip_threshold":
        return "no clipping" if value is None else f"clip {value:g}"
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def lane(reader: RunReader, label: str, colour: str, dash: str) -> Lane:
    """A run's scalars for the lines of a chart."""
    scalars = reader.scalars()
    none = np.zeros(0)
    return Lane(
        label=label,
        colour=colour,
        step=scalars.get("step", none).astype(int),
        loss=scalars.get("loss", none),
        chance=reader.chance,
        log_norm_before=scalars.get("log_norm_before", none),
        log_norm_after=scalars.get("log_norm_after", none),
        events=[(int(e["step"]), str(e["text"])) for e in reader.events() if e["kind"] != "ended"],
        dash=dash,
    )


def lanes(readers: Sequence[RunReader]) -> list[Lane]:
    """All runs' lanes, each in its cell's colour; a second run of one cell takes another."""
    made: list[Lane] = []
    used: set[str] = set()
    for reader, label in zip(readers, labels([r.config for r in readers]), strict=True):
        free = [c for c in (cell_colour(reader.config.cell), *OTHER_COLOURS) if c not in used]
        colour = free[0] if free else cell_colour(reader.config.cell)
        used.add(colour)
        made.append(lane(reader, label, colour, DASHES[len(made) % len(DASHES)]))
    return made


def thresholds(readers: Sequence[RunReader], made: Sequence[Lane]) -> Mapping[str, float | None]:
    """Label → the threshold in force at the run's last step."""
    out: dict[str, float | None] = {}
    for reader, one in zip(readers, made, strict=True):
        now = reader.progress.latest.get("clip_threshold", reader.config.clip_threshold)
        out[one.label] = float(now) if isinstance(now, int | float) else None
    return out


def overview(readers: Sequence[RunReader]) -> dict[str, Picture]:
    """Loss, gradient norm, spectral norm and radius, and gate saturation of all runs together, by chart key."""
    made = lanes(readers)
    pictures = {"loss": loss_picture(made), "norm": norm_picture(made, thresholds(readers, made))}
    spectral: list[tuple[str, str, str, ndarray, ndarray]] = []
    gates: list[tuple[str, str, str, ndarray, ndarray]] = []
    for reader, one in zip(readers, made, strict=True):
        step = thinned_rows(reader, "step")
        top = -2 if reader.config.bidirectional else -1
        for what, dash in (("norm", "solid"), ("radius", "dot")):
            values = thinned_rows(reader, f"spectral_{what}")[:, top].max(axis=-1, initial=-np.inf)
            spectral.append((f"{one.label}: {what}", one.colour, dash, step, values))
        if "gate_closed" in reader.tensors:
            stuck = thinned_rows(reader, "gate_closed") + thinned_rows(reader, "gate_open")
            for k, name in enumerate(reader.attributes["gate"]):
                gates.append((f"{one.label}: {name}", one.colour, DASHES[k % 4], step, stuck[:, k, top]))
    pictures["spectral"] = lines_picture(
        "spectral-norm", "Spectral norm (solid) and radius (dotted) of W", "largest value",
        "The largest singular value and the largest |eigenvalue| of the top layer's recurrent matrix as it is trained.",
        spectral, level=1.0,
    )  # fmt: skip
    if gates:
        pictures["saturation"] = lines_picture(
            "gate-saturation", "Share of saturated gate values", "share",
            "How many values of each gate are below 0.1 or above 0.9 (for g and n: near −1 or 1).", gates,
        )  # fmt: skip
    return pictures


def heatmaps(readers: Sequence[RunReader]) -> dict[str, Picture]:
    """Each run's gradient profiles over training, by chart key."""
    out = {}
    for reader, label in zip(readers, labels([r.config for r in readers]), strict=True):
        rows = thinned_rows(reader, "log_norm_quantile")
        if len(rows):
            top = -2 if reader.config.bidirectional else -1
            median = rows[:, top, :, 1].astype(float)
            out[f"heatmap-{reader.name}"] = heatmap_picture(label, thinned_rows(reader, "step"), median)
    return out


def thinned_rows(reader: RunReader, name: str) -> ndarray:
    """The committed rows of an array, thinned to what a chart can show."""
    tensor = reader.tensor(name)
    stride = max(1, -(-len(tensor) // MOST_COLUMNS))
    return tensor[::stride]
