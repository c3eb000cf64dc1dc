"""Every checksum of a run folder, compared; what is damaged, by its name."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from experiments.runs.opening import open_run
from experiments.runs.store.checkpoint import check_checkpoint
from experiments.runs.store.chunks import check_spec, read_chunk
from experiments.runs.store.errors import RunError
from experiments.runs.store.files import open_inside
from experiments.runs.store.lines import EVENTS, SCALARS
from experiments.runs.store.progress import Committed, read_progress
from experiments.runs.store.reader import RunReader


@dataclass(frozen=True)
class Verification:
    """What was compared, and a sentence for each thing that is not what was committed."""

    files: int
    bytes: int
    problems: tuple[str, ...]


def verify(folder: Path) -> Verification:
    """Compare everything that is committed with its checksum.

    The configuration with the run's id, `progress.json` with its own CRC-32, both files of lines and the checkpoint
    with theirs in `progress.json`, every chunk with the CRC-32C at its end; and that no array is missing.

    Raises:
        RunError: what is needed to look at the rest (`config.json`, `progress.json`) is damaged or not ours.
    """
    run, problems = settled(folder)
    files, size = 2, 0
    for name, committed in ((SCALARS, run.progress.scalars), (EVENTS, run.progress.events)):
        problems += check_lines(run, name, committed)
        files, size = files + 1, size + committed.size
    files += run.progress.checkpoint is not None
    for array, spec in run.layout.every_spec.items():
        try:
            check_spec(folder, array, spec)
        except RunError as error:
            problems.append(str(error))
            continue
        rows = run.progress.committed if spec.dimensions[0] == "step" else spec.shape[0]
        for index in spec.chunks(rows):
            files, size = files + 1, size + spec.chunk_bytes
            try:
                read_chunk(folder, array, spec, index)
            except RunError as error:
                problems.append(str(error))
    try:
        files, _ = files + 1, run.attributes
    except RunError as error:
        problems.append(str(error))
    return Verification(files, size, tuple(problems))


MOST_TRIES = 100


def settled(folder: Path) -> tuple[RunReader, list[str]]:
    """A view of the run, and what is wrong with the checkpoint that it names.

    Of all committed files that one alone goes away: a training that goes on deletes it once the next commit holds.
    Where it is not as it should be and there has been such a commit, another look is taken.
    """
    for _ in range(MOST_TRIES):
        run = open_run(folder)
        name, problems = run.progress.checkpoint, []
        try:
            if name is not None:
                check_checkpoint(folder, name, run.progress.checkpoint_crc32)
        except RunError as error:
            problems = [str(error)]
        if not problems or read_progress(folder) == run.progress:
            break
    return run, problems


def check_lines(run: RunReader, name: str, committed: Committed) -> list[str]:
    """One sentence, if the committed bytes of a file of lines are not what was written."""
    crc32, left = 0, committed.size
    try:
        with open_inside(run.folder, name) as file:
            while left and (block := file.read(min(left, 2**20))):
                crc32, left = zlib.crc32(block, crc32), left - len(block)
    except FileNotFoundError:
        return [f"{name!r} is missing in {str(run.folder)!r}."]
    except RunError as error:
        return [str(error)]
    if left:
        has = committed.size - left
        return [f"{name!r} in {str(run.folder)!r} has {has} of its {committed.size} committed bytes."]
    return (
        [] if crc32 == committed.crc32 else [f"{name!r} in {str(run.folder)!r} is damaged: its checksum does not fit."]
    )
