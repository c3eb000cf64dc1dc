"""Create a new run folder, completely or not at all."""

import errno
import os
import shutil
import time
import zlib
from dataclasses import asdict, replace
from pathlib import Path

import orjson
from numpy import ndarray

from experiments.runs.store.checkpoint import CHECKPOINTS, checkpoint_name, encode_checkpoint
from experiments.runs.store.chunks import TENSORS, ArraySpec, encode
from experiments.runs.store.description import CONFIG
from experiments.runs.store.errors import RecordingError, RunExistsError
from experiments.runs.store.files import replace_all, synchronise
from experiments.runs.store.lease import LEASE, Lease, me
from experiments.runs.store.leftovers import hidden_beside, remove_abandoned
from experiments.runs.store.lines import EVENTS, SCALARS
from experiments.runs.store.progress import Progress, write_progress
from experiments.training.state import Checkpoint


def create_run(
    folder: Path,
    description: dict[str, object],
    specs: dict[str, ArraySpec],
    coordinates: dict[str, ndarray],
    attributes: dict[str, object],
    checkpoint: Checkpoint | None,
) -> Lease:
    """Make a run folder with nothing recorded yet; it is there as a whole, or not at all, and its lease is ours.

    Args:
        folder: where; it must not exist.
        description: what `config.json` holds.
        specs: the arrays with a row a recorded step.
        coordinates: arrays without, each of one axis that has its own name.
        attributes: of the group of arrays.
        checkpoint: the state before the first step; None for a run that nobody goes on with.

    Raises:
        RecordingError: the disk refuses.
        RunExistsError: the folder exists.
    """
    unborn, holder = hidden_beside(folder), me()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unborn.mkdir()
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        static = {name: ArraySpec(v.shape, (name,), str(v.dtype), len(v)) for name, v in coordinates.items()}
        contents = {CONFIG: description, f"{TENSORS}/zarr.json": group}
        contents |= {f"{TENSORS}/{array}/zarr.json": spec.metadata() for array, spec in {**specs, **static}.items()}
        files = {unborn / path: orjson.dumps(content) for path, content in contents.items()}
        files |= {unborn / TENSORS / a / spec.chunk_name(0): encode(coordinates[a]) for a, spec in static.items()}
        files |= {
            unborn / SCALARS: b"",
            unborn / EVENTS: b"",
            unborn / LEASE: orjson.dumps(asdict(holder)),
        }
        start = Progress(folder.name, attempt=0, status="interrupted")
        if checkpoint is not None:
            name, content = checkpoint_name(0), encode_checkpoint(checkpoint)
            files[unborn / CHECKPOINTS / name] = content
            start = replace(start, checkpoint=name, checkpoint_crc32=zlib.crc32(content))
        replace_all(files, unborn)
        write_progress(unborn, replace(start, updated=time.time()))
        take_name(unborn, folder)
        lease = Lease(folder, holder)
        try:
            synchronise([folder.parent])
        except OSError:  # the folder has its name, and this process lives on: it would hold the run for ever
            lease.release()
            raise
        return lease
    except OSError as error:
        raise refused(error, folder, "nothing of it") from None
    finally:
        shutil.rmtree(unborn, ignore_errors=True)
        remove_abandoned(folder.parent)


def take_name(unborn: Path, folder: Path) -> None:
    """Give a folder that is whole the run's name.

    Raises:
        RunExistsError: something has that name; of several processes that want it at once, one gets it.
        OSError: the disk refuses.
    """
    there = RunExistsError(f"{str(folder)!r} exists already; resume that run, or delete it first.")
    if os.path.lexists(folder):
        raise there
    try:
        unborn.rename(folder)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise there from None
        raise


def refused(error: OSError, folder: Path, kept: str) -> RecordingError:
    """The error for a disk that refuses a write."""
    reason = (error.strerror or str(error)).lower()
    return RecordingError(f"run {folder.name} cannot be written to {str(folder.parent)!r} ({reason}); {kept} is kept.")
