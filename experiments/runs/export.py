"""Export a run: scalars as CSV or Parquet, all arrays as netCDF, weights as safetensors, a page as HTML."""

import re
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import xarray as xr
from safetensors.torch import save

from experiments.config.limits import readable
from experiments.config.words import shortened, spelt_path
from experiments.runs.export_html import html_of
from experiments.runs.store.errors import DamagedRunError, RunError
from experiments.runs.store.layers import row_of, weights_at
from experiments.runs.store.leftovers import hidden_beside, remove_abandoned
from experiments.runs.store.reader import RunReader

LARGEST_NETCDF = 2**31 - 1
"""Bytes of one variable in a netCDF 3 file, and its largest whole number."""


def export(run: RunReader, form: str, target: Path, replace: bool = False) -> list[str]:
    """Write the run to a file, completely or not at all. Returns a sentence for each damaged part that was left out.

    Args:
        run: the run.
        form: one of `FORMS`.
        target: the file.
        replace: whether a file that already exists is replaced.

    Raises:
        RunError: an unknown form, a file that is there or cannot be written, or a run that is too large for the form.
        DamagedRunError: an array is damaged, or all that the form has; the message names it.
    """
    if form not in FORMS:
        raise RunError(f"--format was {shortened(form)}; it must be one of {', '.join(FORMS)}.")
    run = run.forgiving()
    write_whole(target, partial(FORMS[form], run), replace)
    return [f"{sentence.removesuffix('.')}; the rest was exported." for sentence in (run.missing or {}).values()]


def export_weights(run: RunReader, step: int | None, target: Path, replace: bool = False) -> None:
    """Write the weights as a recorded step found them to a safetensors file, in torch's names, whole or not at all.

    Args:
        run: whose weights.
        step: the optimiser step, from 1; None for the last that is recorded.
        target: the file.
        replace: whether a file that already exists is replaced.

    Raises:
        RunError: the step is not recorded, the run keeps no weights, or the file is there or cannot be written.
        DamagedRunError: the weights are damaged.
    """
    number = int(run.tensor("step")[row_of(run, step)])
    about = {"run": run.name, "title": run.title, "step": str(number), "config": orjson.dumps(run.settings).decode()}
    weights = {name.lstrip("."): w for module in run.forms for name, w in weights_at(run.of(module), step).items()}
    content = save({name: weight.contiguous() for name, weight in weights.items()}, metadata=about)
    write_whole(target, lambda path: path.write_bytes(content), replace)


def write_whole(target: Path, write: Callable[[Path], object], replace: bool) -> None:
    """Write a file under a temporary name, and rename it when it is complete.

    Raises:
        RunError: the file is there, or cannot be written.
    """
    if not target.parent.is_dir():
        raise RunError(f"the folder {spelt_path(target.parent)} does not exist; create it first.")
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise RunError(f"{spelt_path(target)} is not a regular file; give another name.")
    if target.exists() and not replace:
        raise RunError(f"{spelt_path(target)} already exists. Add --force to replace it.")
    remove_abandoned(target.parent)
    beside = hidden_beside(target)
    try:
        write(beside)
        beside.replace(target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"the run cannot be exported to {spelt_path(target)} ({reason}).") from None
    finally:
        beside.unlink(missing_ok=True)


def some_scalars(run: RunReader) -> dict[str, np.ndarray]:
    """The scalars that can be read.

    Raises:
        DamagedRunError: there are some, and none can.
    """
    scalars = run.scalars()
    if not scalars and run.missing:
        raise DamagedRunError(next(iter(run.missing.values())))
    return scalars


def scalar_set(run: RunReader, scalars: dict[str, np.ndarray]) -> xr.Dataset:
    """The numbers of every optimiser step, along the axis `step`."""
    step = scalars.pop("step", np.empty(0, np.int64))
    return xr.Dataset({name: ("step", v) for name, v in scalars.items()}, {"step": step}, about(run))


def record_set(run: RunReader) -> xr.Dataset:
    """Every array, up to the last commit; names along `gate`, `parameter`, … as coordinates."""
    arrays = {name: (run.tensor(name).dimensions, run.tensor(name)[:]) for name in run.tensors}
    sizes = {d: n for dimensions, v in arrays.values() for d, n in zip(dimensions, v.shape, strict=True)}
    named = {axis: names for axis, names in run.attributes.items() if len(names) == sizes.get(axis)}
    return xr.Dataset(arrays, attrs=about(run)).assign_coords(named)


def about(run: RunReader) -> dict[str, object]:
    """Facts about the run for the exported file."""
    return {"run": run.name, "config": orjson.dumps(run.settings).decode(), "steps_done": run.progress.step}


def to_csv(run: RunReader, path: Path) -> None:
    """Write one row per optimiser step; an empty cell is NaN."""
    scalar_set(run, some_scalars(run)).to_dataframe().to_csv(path)


def to_parquet(run: RunReader, path: Path) -> None:
    """Write one row per optimiser step; the configuration is in the file's metadata."""
    import pyarrow as pa  # type: ignore[import-untyped]  # here, as it takes a quarter of a second
    from pyarrow import parquet

    table = pa.table(dict(some_scalars(run)))
    metadata = {key: orjson.dumps(value) for key, value in about(run).items()}
    parquet.write_table(table.replace_schema_metadata(metadata), path)


def to_netcdf(run: RunReader, path: Path) -> None:
    """Every array, and the scalars with the prefix `scalar_` along `optimiser_step`; netCDF 3, 64-bit offsets."""
    for name in run.tensors:
        tensor = run.tensor(name)
        size = int(np.prod(tensor.shape)) * np.dtype(tensor.spec.dtype).itemsize
        if size > LARGEST_NETCDF:
            raise RunError(
                f"{name} has {readable(size)}, and a netCDF variable at most 2 GiB; open the run's tensors.zarr itself."
            )
    scalars = scalar_set(run, run.scalars()).rename(step="optimiser_step")
    merged = record_set(run).merge(scalars.rename(netcdf_names(list(scalars.data_vars))))
    for key, variable in merged.variables.items():
        values = variable.values
        if values.dtype.kind == "i" and not ((values >= -LARGEST_NETCDF) & (values <= LARGEST_NETCDF)).all():
            raise RunError(
                f"{key} holds a whole number beyond ±{LARGEST_NETCDF}, which netCDF cannot hold; "
                "open the run's tensors.zarr itself."
            )
    merged.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")


def netcdf_names(names: Sequence[Hashable]) -> dict[Hashable, str]:
    """Scalar → `scalar_` and its name, with `_` for what netCDF does not take; no two are the same."""
    made: dict[Hashable, str] = {}
    for name in names:
        new = re.sub(r"[^A-Za-z0-9_]", "_", f"scalar_{name}")
        while new in made.values():
            new += "_"
        made[name] = new
    return made


def to_html(run: RunReader, path: Path) -> None:
    """One page with its charts, which needs no other file and no network."""
    path.write_text(html_of(run), encoding="utf-8")


FORMS: dict[str, Callable[[RunReader, Path], None]] = {
    "csv": to_csv,
    "parquet": to_parquet,
    "netcdf": to_netcdf,
    "html": to_html,
}
