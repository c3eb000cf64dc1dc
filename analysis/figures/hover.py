"""What a chart says on hover: numbers as people write them, such as 1.1×10⁻¹⁴, never 1.1e-14.

The browser's own formats know no powers of ten. So a hover template says what a number is, `%{y:size}` for the log₁₀ of
a size and `%{y:number}` for a plain number, and `write_hovers` writes the words: lines get one text per point, and
maps, which have many more cells, a mantissa and an exponent.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Float32
from numpy import ndarray

from analysis.figures.sketch import Plain, Sketch, plain
from analysis.wording import power_of_ten, significant, superscript

TOKEN = re.compile(r"%\{(x|y|z|customdata):(size|number)\}")
CELL = "%{customdata[0]:.1f}×10<sup>%{customdata[1]}</sup>"
PLAIN = (-3.0, np.log10(999.5))
"""log₁₀ between which `power_of_ten` writes a plain number."""
FIXED = (0.01, 1000.0)
"""Largest values of a map between which three decimals say all that there is to see."""


def write_hovers(figure: go.Figure | Sketch) -> None:
    """Write the numbers that the hover templates ask for. A second call changes nothing."""
    for trace, drawn in zip(plain(figure)[0], figure.data, strict=True):
        template = str(trace.get("hovertemplate") or "")
        asked = list(dict.fromkeys(TOKEN.findall(template)))
        if not asked:
            continue
        if trace["type"] in ("heatmap", "surface"):
            drawn.update(_cell_words(trace, template, asked[0]))
            continue
        texts = [_words_of(np.asarray(trace[name], float), kind) for name, kind in asked]
        for k, (name, kind) in enumerate(asked):
            place = "%{customdata}" if len(asked) == 1 else f"%{{customdata[{k}]}}"
            template = template.replace(f"%{{{name}:{kind}}}", place)
        customdata = texts[0] if len(asked) == 1 else [list(pair) for pair in zip(*texts, strict=True)]
        drawn.update({"customdata": customdata, "hovertemplate": template})


def _words_of(values: Float[ndarray, " point"], kind: str) -> list[str]:
    return size_words(values) if kind == "size" else number_words(values.tolist())


def _cell_words(trace: Plain, template: str, asked: tuple[str, str]) -> Plain:
    """What a map's cells say: their template, and the numbers in it."""
    name, kind = asked
    values = np.asarray(trace[name], float)
    token = f"%{{{name}:{kind}}}"
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    if kind == "number" and (largest == 0 or FIXED[0] <= largest < FIXED[1]):
        return {"hovertemplate": template.replace(token, f"%{{{name}:.3f}}")}
    with np.errstate(divide="ignore"):
        log10 = values if kind == "size" else np.log10(np.abs(values))
    parts = size_parts(log10)
    if kind == "number":
        parts[..., 0] *= np.sign(values)
    return {"customdata": parts, "hovertemplate": template.replace(token, CELL)}


def size_words(log10: Float[ndarray, " point"]) -> list[str]:
    """Each size in words as `power_of_ten` has it, from its log₁₀; a drag asks for hundreds, several times a second."""
    known = np.isfinite(log10)
    finite = np.where(known, log10, 0.0)
    exponent = np.floor(finite)
    tenths = np.round(10 ** (finite - exponent), 1) * 10
    carried = tenths >= 100
    exponent, tenths = exponent + carried, np.where(carried, 10, tenths)
    plain = ~known | ((log10 >= PLAIN[0]) & (log10 < PLAIN[1]))
    return [
        power_of_ten(x) if is_plain else _power(round(m), int(e))
        for x, is_plain, m, e in zip(log10.tolist(), plain.tolist(), tenths.tolist(), exponent.tolist(), strict=True)
    ]


@lru_cache(maxsize=100_000)
def _power(tenths: int, exponent: int) -> str:
    return f"{tenths / 10:g}×10{superscript(exponent)}"


def number_words(values: Iterable[float]) -> list[str]:
    """Each number in words, with three significant digits."""
    return [significant(value) for value in values]


def size_parts(log10: Float[ndarray, "*cell"]) -> Float32[ndarray, "*cell 2"]:
    """Mantissa and exponent of each size, from its log₁₀; NaN for a size that is not a number, zero or infinite."""
    finite = np.where(np.isfinite(log10), log10, np.nan)
    exponent = np.floor(finite)
    mantissa = np.round(10 ** (finite - exponent), 1)
    carried = mantissa >= 10
    return np.stack([np.where(carried, 1, mantissa), exponent + carried], axis=-1).astype(np.float32)
