"""What is plainly not whole in a run folder; quick, see `verify` for every checksum."""

import os

from experiments.reading import size_of
from experiments.runs.store.checkpoint import CHECKPOINTS
from experiments.runs.store.chunks import TENSORS
from experiments.runs.store.errors import RunError
from experiments.runs.store.files import open_inside
from experiments.runs.store.lines import EVENTS, SCALARS
from experiments.runs.store.progress import read_progress
from experiments.runs.store.reader import RunReader


def plain_damage(run: RunReader) -> list[str]:
    """One sentence for each file of lines that is missing or cut off, for missing arrays and a missing checkpoint."""
    found = []
    for name, committed in ((SCALARS, run.progress.scalars), (EVENTS, run.progress.events)):
        try:
            with open_inside(run.folder, name) as file:
                size = size_of(file)
        except FileNotFoundError:
            size = 0
        except RunError as error:
            found.append(str(error))
            continue
        if size < committed.size:
            found.append(f"{name!r} has {size} of its {committed.size} committed bytes.")
    return [*found, *_missing_arrays(run), *_missing_checkpoint(run)]


def _missing_arrays(run: RunReader) -> list[str]:
    if not os.path.lexists(run.folder / TENSORS):
        return [f"{TENSORS!r} is missing, and with it all recorded arrays."]
    found = []
    for name, spec in run.layout.every_spec.items():
        rows = run.progress.committed if spec.dimensions[0] == "step" else spec.shape[0]
        files = ["zarr.json", *(spec.chunk_name(index) for index in spec.chunks(rows))]
        lost = [file for file in files if not os.path.lexists(run.folder / TENSORS / name / file)]
        if lost:
            found.append(f"'{TENSORS}/{name}' lacks {len(lost)} of its {len(files)} files.")
    return found


def _missing_checkpoint(run: RunReader) -> list[str]:
    name = run.progress.checkpoint
    if name is None or os.path.lexists(run.folder / CHECKPOINTS / name):
        return []
    # a running training deletes it after the next commit
    return [f"'{CHECKPOINTS}/{name}' is missing."] if read_progress(run.folder) == run.progress else []
