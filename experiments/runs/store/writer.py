"""The writer of a run folder: rows, lines and checkpoints wait here until they are committed together."""

import shutil
import time
import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy import ndarray

from experiments.runs.store.checkpoint import (
    CHECKPOINTS,
    LARGEST_CHECKPOINT,
    checkpoint_name,
    encode_checkpoint,
    load_checkpoint,
)
from experiments.runs.store.chunks import TENSORS, ArraySpec, check_spec
from experiments.runs.store.column import Column
from experiments.runs.store.create import refused
from experiments.runs.store.errors import DamagedRunError
from experiments.runs.store.files import TEMPORARY, inside, refuse_strange_entries, replace_all, synchronise
from experiments.runs.store.lease import Lease
from experiments.runs.store.lines import EVENTS, SCALARS, encode_line, nonfinite_as_text
from experiments.runs.store.progress import Committed, Progress, Status, read_progress, write_progress
from experiments.training.state import Checkpoint

WAITING_BYTES = 2**26
"""Memory that may wait for a slow disk before the training waits, too."""
WAITING_ROWS = 1
"""Rows whose rest may be unfinished before the training waits, so that a commit need not wait for many."""


class RunWriter:
    """A run folder open for writing; see `open`. Use it as a context manager: the lease is given back at the end."""

    def __init__(self, folder: Path, lease: Lease, progress: Progress, specs: dict[str, ArraySpec]) -> None:
        self.folder, self.lease, self.progress = folder, lease, progress
        self.pool = ThreadPoolExecutor(1)
        self.numbers = ThreadPoolExecutor(1)  # its own: numbers need not wait for the disk
        self.late: deque[Future[dict[str, ndarray]]] = deque()
        self.columns = {n: Column(folder, n, spec, progress.committed, self.pool) for n, spec in specs.items()}
        self.lines: dict[str, bytearray] = {SCALARS: bytearray(), EVENTS: bytearray()}
        self.latest: dict[str, Any] = dict(progress.latest)
        self.rows = progress.committed

    @classmethod
    def open(
        cls,
        folder: Path,
        specs: dict[str, ArraySpec],
        limit: int = LARGEST_CHECKPOINT,
        lease: Lease | None = None,
    ) -> tuple["RunWriter", Checkpoint]:
        """Take the lease, drop what was written but not committed, and go on from the checkpoint.

        Args:
            folder: of the run.
            specs: the arrays with a row a recorded step, which the folder must have as they are here.
            limit: bytes that the checkpoint may have.
            lease: the folder's, where it is held already; it is given back, too.

        Raises:
            RunInUseError: another process writes the run.
            DamagedRunError, ForeignRunError: what is committed cannot be read.
            RecordingError: the disk refuses.
        """
        try:
            if lease is None:
                refuse_strange_entries(folder)
                lease = Lease.acquire(folder)
        except OSError as error:
            raise refused(error, folder, "what it has") from None
        try:
            progress = read_progress(folder)
            if progress.checkpoint is None:
                raise DamagedRunError(
                    f"run {folder.name} has no checkpoint, so it cannot be resumed; its records can be read."
                )
            checkpoint = load_checkpoint(folder, progress.checkpoint, progress.checkpoint_crc32, limit)
            for name, spec in specs.items():
                check_spec(folder, name, spec)
            cut_off(folder, progress, specs)
            return cls(folder, lease, replace(progress, attempt=progress.attempt + 1), specs), checkpoint
        except OSError as error:
            lease.release()
            raise refused(error, folder, "what it has") from None
        except BaseException:
            lease.release()
            raise

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self.numbers, self.pool):
            pool.shutdown(cancel_futures=True)
        with suppress(OSError):  # a disk that is gone: a dead process holds nothing
            self.lease.release()

    def scalars(self, values: dict[str, object]) -> None:
        """Add the numbers of one optimiser step."""
        self.lines[SCALARS] += encode_line(values)
        self.latest |= values

    def event(self, step: int, kind: str, text: str, **values: object) -> None:
        """Add an event at a step, in words."""
        line = {
            "step": step,
            "kind": kind,
            "text": text,
            "attempt": self.progress.attempt,
            "time": time.time(),
            **values,
        }
        self.lines[EVENTS] += encode_line(line)

    def record(self, row: dict[str, ndarray], rest: Callable[[], dict[str, ndarray]] = dict) -> None:
        """One recorded step: a row of every array.

        Args:
            row: array → its row.
            rest: gives the rows of the other arrays; it is called on a thread beside the training's, and what it
                raises is raised here at a later step, or at the commit.

        Raises:
            RecordingError: the disk refuses.
        """
        self.late.append(self.numbers.submit(rest))
        filled = self._append(row)
        self.rows += 1
        while self.late and (len(self.late) > WAITING_ROWS or self.late[0].done()):
            filled |= self._append(self.late.popleft().result())
        if filled and sum(column.waiting_bytes for column in self.columns.values()) > WAITING_BYTES:
            self._wait()

    def _append(self, row: dict[str, ndarray]) -> bool:
        """Whether a part of a row filled a chunk of any array."""
        filled = [self.columns[name].append(values) for name, values in row.items()]
        return any(filled)

    def commit(self, checkpoint: Checkpoint | None, step: int, status: Status, reason: str, seconds: float) -> None:
        """Put everything on the disk, and then say so in `progress.json`.

        Args:
            checkpoint: what the next step depends on; None for a run that nobody goes on with.
            step: optimiser steps done.
            status: of the run.
            reason: why it ended or rests.
            seconds: spent in training steps.

        Raises:
            RecordingError: the disk refuses; the commit before this one holds.
            RunInUseError: another process has taken the run over.
        """
        try:
            self.lease.confirm()
            before = self.progress
            while self.late:
                self._append(self.late.popleft().result())
            assert all(column.rows == self.rows for column in self.columns.values()), "a row of every array"
            ready = self._wait()
            files = {path: c for column in self.columns.values() for path, c in column.partial().items()}
            kept: dict[str, Any] = {"checkpoint": None, "checkpoint_crc32": 0}
            if checkpoint is not None:
                name, content = checkpoint_name(step), encode_checkpoint(checkpoint)
                files[self.folder / CHECKPOINTS / name] = content
                kept = {"checkpoint": name, "checkpoint_crc32": zlib.crc32(content)}
            grown = {file: self._extend(file, start) for file, start in self._offsets(before).items()}
            replace_all(files, self.folder, ready)
            now = replace(
                before,
                step=step,
                committed=self.rows,
                scalars=grown[SCALARS],
                events=grown[EVENTS],
                **kept,
                status=status,
                reason=reason,
                seconds=seconds,
                updated=time.time(),
                latest=nonfinite_as_text(self.latest),
            )
            write_progress(self.folder, now)
        except OSError as error:
            raise refused(error, self.folder, f"everything up to step {self.progress.step}") from None
        self.progress = now
        for column in self.columns.values():
            column.committed()
        for lines in self.lines.values():
            lines.clear()
        if before.checkpoint not in (None, now.checkpoint):
            (self.folder / CHECKPOINTS / str(before.checkpoint)).unlink(missing_ok=True)

    def restate(self, status: Status, reason: str) -> None:
        """Change what the last commit says of the run's state, and nothing else; events that wait come with it.

        Raises:
            RecordingError: the disk refuses.
        """
        try:
            self.lease.confirm()
            events = self._extend(EVENTS, self.progress.events)
            self.progress = replace(self.progress, events=events, status=status, reason=reason, updated=time.time())
            write_progress(self.folder, self.progress)
        except OSError as error:
            raise refused(error, self.folder, f"everything up to step {self.progress.step}") from None

    def _wait(self) -> dict[Path, Path]:
        """The full chunks since the last commit, once they are on the disk beside their files."""
        try:
            return {path: beside for column in self.columns.values() for path, beside in column.wait().items()}
        except OSError as error:
            raise refused(error, self.folder, f"everything up to step {self.progress.step}") from None

    def _offsets(self, progress: Progress) -> dict[str, Committed]:
        return {SCALARS: progress.scalars, EVENTS: progress.events}

    def _extend(self, name: str, start: Committed) -> Committed:
        """The lines that wait, written after those that are committed."""
        more = bytes(self.lines[name])
        if more:
            path = self.folder / name
            with path.open("r+b") as file:
                file.seek(start.size)
                file.write(more)
                file.truncate()
            synchronise([path])
        return start.and_then(more)


def cut_off(folder: Path, progress: Progress, specs: dict[str, ArraySpec]) -> None:
    """Delete everything that was written after the last commit, and unfinished files.

    Raises:
        DamagedRunError: a file of lines has less than what was committed.
    """
    for path in folder.rglob(f"*{TEMPORARY}"):
        path.unlink(missing_ok=True)
    for name, committed in ((SCALARS, progress.scalars), (EVENTS, progress.events)):
        try:
            path = inside(folder, name)
        except FileNotFoundError:
            raise DamagedRunError(f"{name!r} is missing in {str(folder)!r}, so the run cannot be resumed.") from None
        size = path.stat().st_size
        if size < committed.size:
            raise DamagedRunError(
                f"{name!r} in {str(folder)!r} has {size} of its {committed.size} committed bytes, so the run cannot "
                "be resumed; what it has can be read."
            )
        with path.open("r+b") as file:
            file.truncate(committed.size)
    for name, spec in specs.items():
        kept = spec.chunks(progress.committed)
        for chunk in (folder / TENSORS / name / "c").glob("[0-9]*"):
            if not chunk.name.isdecimal() or int(chunk.name) not in kept:
                shutil.rmtree(chunk) if chunk.is_dir() else chunk.unlink()
    for path in (folder / CHECKPOINTS).iterdir():
        if path.name != progress.checkpoint:
            path.unlink()
