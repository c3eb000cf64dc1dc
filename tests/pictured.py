"""Pictures of plain numbers: of the usual ones, and of those that no axis has a place for."""

import numpy as np
import torch

from analysis.cliff import Descent, Seen
from analysis.figures.among import Among
from analysis.figures.bars import parts_picture
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.profile import profile_picture
from analysis.figures.surface import Path, surface_picture
from analysis.figures.sweep_row import RowProfile, row_picture
from analysis.figures.training import Lane, lines_picture, loss_picture, norm_picture
from analysis.figures.training_heatmap import heatmap_picture
from analysis.profile import profile_of_sizes
from analysis.scalar import ErrorSurface

N = 9
DATA = {
    "flat": np.zeros(N),
    "rising": np.arange(N) * 3.0,
    "one point": np.array([2.0]),
    "nothing": np.empty(0),
    "all NaN": np.full(N, np.nan),
    "all zero": np.full(N, -np.inf),
    "infinite": np.full(N, np.inf),
    "huge": np.array([-1e308, 1e308]),
    "some of each": np.array([1.0, np.nan, -np.inf, np.inf, 2.0]),
}
"""Logarithms of what is drawn."""


def lane(values):
    step = np.arange(len(values))
    with np.errstate(over="ignore"):
        return Lane("run", "#D55E00", step, np.exp(values), 0.5, values, np.minimum(values, 0.5))


def pictures_of(values):
    """One picture of each kind that is drawn from plain arrays."""
    n = len(values)
    at, step = np.arange(float(n)), np.arange(n)
    yield lag_picture("lags", "", [LagLine("line", at, values)], "", "")
    yield lag_picture("lags", "", [LagLine("line", at, values)], "", "", decades=(-4, 4))
    yield setting_picture("setting", "", [SettingLine("line", at, values)], "", "", x_title="x", y_title="y")
    yield parts_picture("bars", "", [f"place {k}" for k in step], {"a": values.tolist(), "b": values.tolist()}, "", "y")
    yield loss_picture([lane(values)])
    yield norm_picture([lane(values)], {"run": 1.0})
    yield lines_picture("lines", "", "y", "", [("line", "#000000", "solid", step, values)], level=1.0)
    yield heatmap_picture("run", step, np.tile(values[:, None], 3))
    yield row_picture("row", [RowProfile("run", step, values)])
    if n:
        finite, sizes = values[np.isfinite(values)], np.tile(values[:, None], 2)
        among = Among((float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0))
        p = profile_of_sizes(sizes, sizes, torch.float32)
        yield profile_picture({"lstm": p}, {}, "float32", among=among)
        grid = np.tile(values, (n, 1))
        surface = ErrorSurface(at, at, grid, grid, grid)
        path = Path(Descent(at, at, values, values, 0), Seen(at, at, values, False), "#000000")
        yield surface_picture("surface", "", surface, {"path": path})
