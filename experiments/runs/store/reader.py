"""Read a run folder: a fixed view up to the last commit, read when needed, without trusting any file."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from numpy import ndarray

from experiments.config.words import shortened, visible
from experiments.runs.store.chunks import TENSORS, check_spec, read_json
from experiments.runs.store.description import (
    CONFIG,
    Description,
    Implied,
    chance_of,
    nothing_implied,
    read_description,
)
from experiments.runs.store.errors import DamagedRunError, ForeignRunError, RunError
from experiments.runs.store.form import Form
from experiments.runs.store.layout import LARGEST_ROW, Layout, ending, layout_of
from experiments.runs.store.lease import is_held
from experiments.runs.store.lines import (
    BLOCK,
    EVENTS,
    SCALARS,
    Parse,
    as_columns,
    parse_event,
    parse_own_scalars,
    parse_scalars,
    read_lines,
)
from experiments.runs.store.progress import PROGRESS, Progress, Status, read_progress
from experiments.runs.store.tensor import Tensor

MOST_EVENT_BYTES = 4 * BLOCK
"""Most bytes of events that are read: some hundred thousand events."""
STEP_BYTES = 2**10
"""Bytes that a step's line of scalars has at most,"""
OWN_STEP_BYTES = 2**13
"""and that of somebody's own training: 60 names of 60 characters, each with a number."""


@dataclass(frozen=True, eq=False)
class RunReader:
    """The committed data of a run at the moment when it was opened; see `open_folder`."""

    folder: Path
    progress: Progress
    description: Description = field(repr=False)
    """`config.json`."""
    missing: dict[str, str] | None = field(default=None, repr=False)
    """File of lines → the sentence on its damage, where that is noted instead of raised; see `forgiving`."""
    index: int = 0
    """Which of the run's modules is looked at; see `of`."""

    @property
    def name(self) -> str:
        """The run's id, the folder's name."""
        return self.folder.name

    @property
    def title(self) -> str:
        """A few words about the run."""
        return self.description.title

    @property
    def settings(self) -> dict[str, object]:
        """The settings that the folder says of the run, as plain values."""
        return self.description.config

    @property
    def forms(self) -> dict[str, Form]:
        """Each module's name → what its arrays are of: one, but for a watched network with several."""
        assert self.description.form is not None, "a folder is not opened without"
        return {next(iter(form.stacks)): form for form in (self.description.form, *self.description.others)}

    def of(self, module: str) -> "RunReader":
        """The same view, of another of the run's modules: its form, and its arrays under their own names.

        Raises:
            RunError: the run has no module of that name.
        """
        names = list(self.forms)
        if module not in names:
            raise RunError(f"run {self.name} has no module {shortened(module)}; it has {', '.join(map(repr, names))}.")
        return replace(self, index=names.index(module))

    @property
    def form(self) -> Form:
        """The form of the selected module's arrays."""
        return list(self.forms.values())[self.index]

    @property
    def steps(self) -> int | None:
        """Optimiser steps of the whole run; None where nobody knows them, since it is somebody's own training."""
        return None if self.form.watched else self.form.steps

    @property
    def owner(self) -> str | None:
        """Mark of the page's visitor who started it; None for a run of the command line."""
        return self.description.owner

    @property
    def path(self) -> str:
        """The path of `record` that made it."""
        return self.description.path

    @property
    def chance(self) -> float:
        """The loss of a guess without memory."""
        return chance_of(self.description)

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
        parse = parse_own_scalars if self.form.watched else parse_scalars
        return as_columns(self._lines(SCALARS, since, self.progress.scalars.size, parse))

    def events(self) -> list[dict[str, Any]]:
        """The events of the run: `step`, `kind`, `text`, `attempt`, `time`, and the fields of the kind.

        Of a run with more than `MOST_EVENT_BYTES` of them, the first ones.

        Raises:
            DamagedRunError: as for `scalars`.
        """
        blocks = self._lines(EVENTS, 0, self.progress.events.size, parse_event)
        return [event for block in islice(blocks, MOST_EVENT_BYTES // BLOCK) for event in block]

    def forgiving(self) -> "RunReader":
        """The same view, but its scalars and events are those that can be read; `missing` then says what is not."""
        return replace(self, missing={})

    def _lines(self, name: str, start: int, end: int, parse: Parse) -> Iterator[list[dict[str, Any]]]:
        try:
            yield from read_lines(self.folder, name, start, end, parse)
        except DamagedRunError as error:
            if self.missing is None:
                raise
            self.missing[name] = str(error)

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """Names of all modules' arrays, those of the axes included; what a stranger has put beside them is not."""
        folder, plan = self.folder / TENSORS, self.layout
        return tuple(sorted(name for name in plan.every_spec if os.path.lexists(folder / name / "zarr.json")))

    @cached_property
    def layout(self) -> Layout:
        """All modules' arrays, as they follow from what the run says of itself.

        Raises:
            ForeignRunError: they are larger than any that this program writes.
        """
        first, *others = self.forms.values()
        made = layout_of(first, others)
        if made.row_bytes > LARGEST_ROW:
            raise ForeignRunError(
                f"{CONFIG!r} in {str(self.folder)!r} gives a recorded step {made.row_bytes} bytes; it may have at most "
                f"{LARGEST_ROW}."
            )
        return made

    def tensor(self, name: str) -> Tensor:
        """An array by its name: that of the module which is looked at, before another that is called so.

        Raises:
            RunError: there is none of that name.
            DamagedRunError: its `zarr.json` is missing.
            ForeignRunError: it is not as this program writes them.
        """
        if name + ending(self.index) in self.layout.every_spec:
            name += ending(self.index)
        if name not in self.layout.every_spec:
            raise RunError(f"run {self.name} has no array {shortened(name)}; it has {', '.join(self.tensors)}.")
        spec = self.layout.every_spec[name]
        check_spec(self.folder, name, spec)
        recorded = spec.dimensions[0] == "step"
        return Tensor(
            self.folder, name, spec, min(self.progress.committed, spec.shape[0]) if recorded else spec.shape[0]
        )

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """Names along the axes `layer`, `gate`, `block`, `parameter`, `quantile`, …"""
        relative, wanted = f"{TENSORS}/zarr.json", self.layout.attributes
        if read_json(self.folder, relative).get("attributes") != wanted:
            raise ForeignRunError(
                f"{relative!r} in {str(self.folder)!r} is not what the run's {CONFIG} gives, so it is not used."
            )
        return dict(wanted)


def open_folder(folder: Path, implied: Implied = nothing_implied) -> RunReader:
    """Open a run of any kind at its last commit. Nothing large is read.

    Args:
        folder: of the run.
        implied: what the folder's settings say of its form, see `Implied`; without it a folder of an earlier version,
            which does not describe itself, is refused.

    Raises:
        ForeignRunError: not a run folder of this program, or of a newer format.
        DamagedRunError: what it must have is missing or damaged.
    """
    if folder.is_symlink():
        raise ForeignRunError(f"{str(folder)!r} is a symbolic link, so it is not opened.")
    missing = [name for name in (CONFIG, PROGRESS) if not os.path.lexists(folder / name)]
    if missing:
        raise ForeignRunError(f"{str(folder)!r} is not a run folder: it has no {' and no '.join(missing)}.")
    description = read_description(folder, implied)
    run = RunReader(folder, read_progress(folder), description)
    per_step = OWN_STEP_BYTES if run.form.watched else STEP_BYTES
    claims = {
        "step": (run.progress.step, run.form.steps),
        "committed": (run.progress.committed, run.form.record_count),
        "scalars.size": (run.progress.scalars.size, per_step * run.progress.step),
    }
    for name, (claimed, most) in claims.items():
        if claimed > most:
            raise ForeignRunError(
                f"{PROGRESS!r} in {str(folder)!r} claims a {name} of {claimed}, and such a run has at most {most}."
            )
    return run


def dumps(value: object) -> str:
    """JSON for people, without characters that a terminal would obey."""
    return visible(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode(), r"\u{:04x}")
