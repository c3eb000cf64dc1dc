"""Compare every checksum of a run folder, and name the damaged files."""

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
    """How many files there must be and how many of them are damaged or missing, each of which has a sentence.

    The chunks of an array that cannot be opened have none: its own says it.
    """

    files: int
    damaged: int
    bytes: int
    problems: tuple[str, ...]


def verify(folder: Path) -> Verification:
    """Compare all committed data with its checksums.

    The run's id checks the configuration. `progress.json` has its own CRC-32, and those of both files of lines and of
    the checkpoint. Every chunk has its CRC-32C at its end. No array may be missing.

    Raises:
        RunError: `config.json` or `progress.json` is damaged or not ours, so that the rest cannot be checked.
    """
    run, problems = settled(folder)
    files, size = 2, 0
    for name, committed in ((SCALARS, run.progress.scalars), (EVENTS, run.progress.events)):
        problems += check_lines(run, name, committed)
        files, size = files + 1, size + committed.size
    files, damaged = files + (run.progress.checkpoint is not None), len(problems)
    for array, spec in run.layout.every_spec.items():
        opened, files = True, files + 1
        try:
            check_spec(folder, array, spec)
        except RunError as error:
            opened, damaged = False, damaged + 1
            problems.append(str(error))
        rows = run.progress.committed if spec.dimensions[0] == "step" else spec.shape[0]
        for index in spec.chunks(rows):
            files, size = files + 1, size + spec.chunk_bytes
            try:
                read_chunk(folder, array, spec, index)
            except RunError as error:
                damaged += 1
                if opened:
                    problems.append(str(error))
    files += 1
    try:
        _ = run.attributes
    except RunError as error:
        damaged += 1
        problems.append(str(error))
    return Verification(files, damaged, size, tuple(problems))


MOST_TRIES = 100


def settled(folder: Path) -> tuple[RunReader, list[str]]:
    """Open the run, and check the checkpoint that it names.

    The checkpoint is the only committed file that can disappear: a running training deletes it after the next commit.
    If the check fails and there was such a commit, the run is opened again.
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
    """One sentence if the committed bytes of a file of lines are damaged, else none."""
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
