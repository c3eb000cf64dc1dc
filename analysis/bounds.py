"""Findings about states that no weights can give: they prove a broken kernel, or a file that was changed."""

from collections.abc import Iterator

import torch

from analysis.finding import Finding, Remedy, Subject
from analysis.wording import significant
from models.recording.layer_record import LayerRecord

SLACK = 0.01
"""Relative: a state of bfloat16 is rounded by up to 1 in 256."""
LETTERS = {"hidden": "h", "cell_state": "c"}


def outside_bound(s: Subject) -> Iterator[Finding]:
    """A state that is larger than its cell's equations allow, such as |h_t| > 1 after a tanh."""
    for index, layer in enumerate(s.trace.layers):
        for name, letter in LETTERS.items():
            if name in layer.cell.state_names:
                yield from outside_in(layer, index, layer.cell.state_names.index(name), letter)


def outside_in(layer: LayerRecord, index: int, part: int, letter: str) -> Iterator[Finding]:
    """The finding about one part of one layer's state; at most one, about the largest excess."""
    largest = layer.cell.largest(layer.before)[part]
    if largest is None:
        return
    if not bool((layer.after[part].abs() > largest).any()):
        return  # as nearly always, and in a tenth of the time
    after = layer.after[part].double()
    over = after.abs() / largest.double()
    over = over.where(over.isfinite(), torch.zeros_like(over))  # Inf and NaN are the finding `diverged`
    if not over.numel() or float(over.max()) <= 1 + SLACK:
        return
    t, b, unit = (int(k) for k in torch.unravel_index(over.argmax(), over.shape))
    value, bound = float(after[t, b, unit]), float(largest[t, b, unit])
    yield Finding(
        "outside_bound",
        "severe",
        "A state is outside its bound",
        f"{letter}_t is {significant(value)} at t = {t + 1} (layer {index + 1}, unit {unit + 1}). Whatever the weights "
        f"are, a step of {layer.cell.words.phrase} gives at most ±{significant(bound)} there.",
        {"t": t + 1, "layer": index + 1, "unit": unit + 1, "value": value, "bound": bound},
        (Remedy("No step of this cell gives such a state. Check the program or the file that it comes from."),),
    )
