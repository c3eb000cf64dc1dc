"""A run folder open for reading: a frozen view up to the last commit, lazily read, trusting nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy import ndarray

from experiments.config import ConfigError, RunConfig
from experiments.store.chunks import TENSORS, ArraySpec, read_chunk, read_json, read_spec
from experiments.store.errors import DamagedRunError, ForeignRunError, RunError
from experiments.store.files import inside
from experiments.store.lease import is_held
from experiments.store.lines import EVENTS, SCALARS, as_columns, read_lines
from experiments.store.progress import PROGRESS, Progress, Status, read_progress, refuse_newer

CONFIG = "config.json"


@dataclass(frozen=True, eq=False)
class Tensor:
    """One array of a run, up to the last commit; nothing is read before it is indexed."""

    folder: Path
    name: str
    spec: ArraySpec
    rows: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is committed."""
        return (self.rows, *self.spec.shape[1:])

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the axes."""
        return self.spec.dimensions

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, key: Any) -> ndarray:
        """The values, as numpy's basic indexing has it (integers, slices, …) on each axis.

        Only the chunks that the first axis asks for are read, one at a time.

        Raises:
            IndexError: beyond what is committed.
            DamagedRunError: a chunk is missing or damaged; the message names its file.
        """
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys[:1]:
            keys = (slice(None), *keys)
        first, rest = (keys[0], keys[1:]) if keys else (slice(None), ())
        wanted = range(self.rows)[first]
        single = isinstance(wanted, int)
        rows = [wanted] if isinstance(wanted, int) else wanted
        parts: list[ndarray] = []
        chunk, held = None, -1
        for r in rows:
            index, place = divmod(r, self.spec.rows)
            if index != held:
                chunk, held = read_chunk(self.folder, self.name, self.spec, index), index
            assert chunk is not None
            parts.append(chunk[place][rest].copy())
        if single:
            return parts[0]
        empty = np.empty(self.spec.shape[1:], self.spec.dtype)[rest] if not parts else parts[0]
        return np.stack(parts) if parts else np.empty((0, *empty.shape), self.spec.dtype)


@dataclass(frozen=True, eq=False)
class RunReader:
    """What is committed of a run at the moment when it was opened; see `open_run`."""

    folder: Path
    config: RunConfig
    progress: Progress
    description: dict[str, Any] = field(repr=False)
    """`config.json`."""
    missing: dict[str, str] | None = field(default=None, repr=False)
    """File of lines → the sentence on its damage, where that is noted instead of raised; see `forgiving`."""

    @property
    def name(self) -> str:
        """The run's id, the folder's name."""
        return self.folder.name

    @property
    def owner(self) -> str | None:
        """Mark of the page's visitor who started it; None for a run of the command line."""
        owner = self.description.get("owner")
        return owner if isinstance(owner, str) else None

    @property
    def path(self) -> str:
        """Which implementation of `record` made it."""
        return "reference" if self.description.get("path") == "reference" else "fast"

    @property
    def chance(self) -> float:
        """What a memoryless guess scores, in the loss's unit."""
        return float(self.description.get("chance", "nan"))

    @property
    def status(self) -> Status:
        """Running, paused, finished, failed or interrupted; the last, too, if its process has died.

        It is the one thing that is not frozen: whether the process lives is looked up now.
        """
        if self.progress.status in ("running", "paused") and not is_held(self.folder):
            now = read_progress(self.folder).status  # it may have ended since this view was made
            return "interrupted" if now in ("running", "paused") else now
        return self.progress.status

    def scalars(self, since: int = 0) -> dict[str, ndarray]:
        """Name → values at every optimiser step, [step]; NaN where a step has none.

        Args:
            since: bytes to leave out: the `progress.scalars.size` of an earlier view gives what is new since then.

        Raises:
            DamagedRunError: the file is shorter than what was committed, or a line is not one that was written.
        """
        return as_columns(self._lines(SCALARS, since, self.progress.scalars.size))

    def events(self) -> list[dict[str, Any]]:
        """What happened: `step`, `kind`, `text`, `attempt`, `time`, and what the kind adds.

        Raises:
            DamagedRunError: as for `scalars`.
        """
        return [event for block in self._lines(EVENTS, 0, self.progress.events.size) for event in block]

    def forgiving(self) -> "RunReader":
        """The same view, but its scalars and events are those that can be read; `missing` then says what is not."""
        return replace(self, missing={})

    def _lines(self, name: str, start: int, end: int) -> Iterator[list[dict[str, Any]]]:
        try:
            yield from read_lines(self.folder, name, start, end)
        except DamagedRunError as error:
            if self.missing is None:
                raise
            self.missing[name] = str(error)

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """Names of the arrays, those of the axes included."""
        folder = self.folder / TENSORS
        return tuple(sorted(path.parent.name for path in folder.glob("*/zarr.json")))

    def tensor(self, name: str) -> Tensor:
        """An array by its name.

        Raises:
            RunError: there is none of that name.
            ForeignRunError: it is not as this program writes them.
        """
        if name not in self.tensors:
            raise RunError(f"run {self.name} has no array {name!r}; it has {', '.join(self.tensors)}.")
        spec = read_spec(self.folder, name)
        recorded = spec.dimensions[0] == "step"
        return Tensor(
            self.folder, name, spec, min(self.progress.committed, spec.shape[0]) if recorded else spec.shape[0]
        )

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """Names along the axes `layer`, `gate`, `block`, `parameter`, `quantile` and `part`."""
        return dict(read_json(self.folder, f"{TENSORS}/zarr.json").get("attributes", {}))

    def damage(self) -> list[str]:
        """One sentence for each file that is plainly not whole; quick, see `verify` for every checksum."""
        found = []
        for name, committed in ((SCALARS, self.progress.scalars), (EVENTS, self.progress.events)):
            try:
                size = inside(self.folder, name).stat().st_size
            except FileNotFoundError:
                size = 0
            if size < committed.size:
                found.append(f"{name!r} has {size} of its {committed.size} committed bytes.")
        return found


def open_run(folder: Path) -> RunReader:
    """What is committed of a run now. Nothing large is read.

    Raises:
        ForeignRunError: not a run folder of this program, or of a newer format.
        DamagedRunError: what it must have is missing or damaged.
    """
    missing = [name for name in (CONFIG, PROGRESS) if not (folder / name).exists()]
    if missing:
        raise ForeignRunError(f"{str(folder)!r} is not a run folder: it has no {' and no '.join(missing)}.")
    description = read_json(folder, CONFIG)
    refuse_newer(folder, description.get("format"))
    progress = read_progress(folder)
    values = description.get("config")
    try:
        config = RunConfig.from_values(values if isinstance(values, dict) else {"config": None})
    except ConfigError as error:
        raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} cannot be run: {error}") from None
    if description.get("id") != config.identity():
        raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} was changed: its id is not that of its configuration.")
    return RunReader(folder, config, progress, description)


def dumps(value: object) -> str:
    """JSON for people."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()
