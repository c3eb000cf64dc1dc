"""A run folder of a user's own training, written by `watch(..., run=...)` during the training."""

import atexit
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from secrets import token_hex

import numpy as np
import torch
from numpy import ndarray

from experiments.checked import MOST_STEPS, checked
from experiments.config.words import cut, shortened
from experiments.errors import ConfigError
from experiments.runs.folder import NAME, PROBES, SWEEPS
from experiments.runs.module_form import Wanted, module_forms
from experiments.runs.module_records import empty_row, module_row, module_spectra
from experiments.runs.recorder import LONGEST_REASON, seconds_between_commits
from experiments.runs.store.create import create_run
from experiments.runs.store.description import Description
from experiments.runs.store.errors import RecordingError, RunExistsError
from experiments.runs.store.form import Form
from experiments.runs.store.layout import ending, layout_of
from experiments.runs.store.lines import MOST_OWN_NAMES, OWN_NAME
from experiments.runs.store.progress import FORMAT, Status, read_progress
from experiments.runs.store.writer import RunWriter
from models import Trace, not_finite

MOST_MODULES = 16
MOST_EARLY = 10_000
"""Lines that wait for the first recorded step."""
LONGEST_TITLE = 200
"""Characters."""


def check_parent(folder: Path) -> None:
    """Make the folder of runs, if need be.

    Raises:
        ConfigError: it cannot be made, or nothing can be written into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    if reason:
        raise ConfigError(f"run cannot be kept in {str(folder)!r} ({reason}); give run= another folder.")


class ModuleRun:
    """The run of a watched training: made at its first recorded step, whose sizes it makes room for.

    An error of the disk becomes one warning, never an error in the training.
    """

    def __init__(
        self,
        folder: Path,
        title: str,
        every: int,
        units: int | None = None,
        timesteps: int | None = None,
        samples: int | None = None,
    ) -> None:
        name = folder.name
        if not NAME.fullmatch(name) or name in (SWEEPS, PROBES):
            raise ConfigError(
                f"run was {shortened(str(folder))}; it must end in a name of letters, digits, dots and dashes."
            )
        if os.path.lexists(folder):
            raise RunExistsError(f"{str(folder)!r} exists already; give run= another name, or delete that run first.")
        check_parent(folder.parent)
        self.folder, self.title = folder, cut(title, LONGEST_TITLE)
        self.wanted = Wanted(every, units, timesteps, samples)
        self.forms: dict[str, Form] = {}
        self.writer: RunWriter | None = None
        self.is_over, self.process = False, os.getpid()
        self.step = 0
        self.line: dict[str, float] = {}
        self.names: set[str] = set()
        self.early: deque[dict[str, object]] = deque(maxlen=MOST_EARLY)  # lines from before the folder
        self.said: set[str] = set()
        self.began = self.commit_ended = time.monotonic()
        self.commit_took = 0.0
        atexit.register(self._leave)

    def record(self, step: int, traces: Mapping[str, Sequence[Trace]]) -> None:
        """A recorded step: a row of the arrays of every module, an empty one of those that it has not reached."""
        self._try(lambda: self._record(step, {name: calls[-1] for name, calls in traces.items()}, traces))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """The user's own numbers of a step: a line when the step is over.

        Raises:
            ConfigError: a name that cannot be kept, or too many of them.
        """
        wrong = next((name for name in values if not OWN_NAME.fullmatch(name)), None)
        if wrong is not None:
            raise ConfigError(f"the name {shortened(wrong)} was logged; a name has 1 to 60 characters of ASCII.")
        self.names |= values.keys()
        most = MOST_OWN_NAMES - 1
        if len(self.names) > most:
            raise ConfigError(f"{len(self.names)} names were logged; a run has at most {most} of them.")
        self._try(lambda: self._log(step, values))

    def note(self, step: int, kind: str, text: str) -> None:
        """Something that happened."""
        self._try(lambda: self._event(step, kind, text))

    def close(self, step: int, error: BaseException | None = None) -> None:
        """Commit for the last time, and let others write; nothing if it is over already."""
        if self.is_over or os.getpid() != self.process:
            return
        atexit.unregister(self._leave)
        self._try(lambda: self._go_to(max(self.step, step)))
        self._try(lambda: self._end(error))
        if self.writer is None and not self.is_over:
            warnings.warn(f"run {self.folder.name} was not made: no recorded step has ended.", stacklevel=4)
        self._give_back()

    def _leave(self) -> None:
        """The interpreter ends, and nobody has closed the run."""
        self.close(self.step, None if hasattr(sys, "ps1") else getattr(sys, "last_value", None))

    def _try(self, write: Callable[[], None]) -> None:
        """Write something; where that fails, warn once, keep what is committed, and write no more."""
        if self.is_over or os.getpid() != self.process:  # a forked child has a copy of what its parent writes
            return
        try:
            write()
        except Exception as error:  # whatever it is: the training is not to suffer from it
            self._give_back()
            what = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
            warnings.warn(f"The training continues, but it is no longer recorded: {what}", stacklevel=5)

    def _give_back(self) -> None:
        self.is_over = True
        if self.writer is not None:
            self.writer.__exit__()

    def _record(self, step: int, last: Mapping[str, Trace], calls: Mapping[str, Sequence[Trace]]) -> None:
        if not last and self.writer is None:
            return
        self._go_to(step)
        began = time.perf_counter()
        writer = self.writer or self._create(last)
        if writer.rows >= (most := next(iter(self.forms.values())).record_count):
            self._say_once(step, f"{most} steps are recorded, and the run has no room for more")
            return
        row, rests = {"step": np.asarray(step)}, list[tuple[str, Callable[[], dict[str, ndarray]]]]()
        for k, (name, form) in enumerate(self.forms.items()):
            trace, end = last.get(name), ending(k)
            made = empty_row(form) if trace is None else module_row(form, trace)
            row |= {array + end: values for array, values in made.items()}
            if trace is not None:
                rests.append((end, module_spectra(form, trace)))
                self._say_what_is_left_out(step, name, form, trace, len(calls[name]))
                if (words := not_finite()(trace)) is not None:
                    self._say_once(step, f"{name or 'the module itself'}: {words}", f"{name} nonfinite", "nonfinite")
        for name in last.keys() - self.forms.keys():
            self._say_once(
                step, f"{name!r} is not kept: a run keeps the modules that its first recorded step reached, at most "
                f"{MOST_MODULES}",
            )  # fmt: skip
        row["seconds"] = np.asarray(time.perf_counter() - began)
        writer.record(row, lambda: {array + end: values for end, rest in rests for array, values in rest().items()})
        self._commit_if_due()

    def _create(self, traces: Mapping[str, Trace]) -> RunWriter:
        """The folder, with room for what these traces have."""
        kept = dict(list(traces.items())[:MOST_MODULES])
        self.forms = module_forms(kept, self.wanted)
        first, *others = self.forms.values()
        layout = layout_of(first, others)
        description: dict[str, object] = {
            "format": FORMAT,
            "id": token_hex(6),
            "kind": "module",
            "title": self.title,
            "form": asdict(first),
            "others": [asdict(form) for form in others],
            "created": time.time(),
            "config": {"every": self.wanted.every},
            "path": next(iter(kept.values())).path,
            "timesteps": first.timesteps,
            "parameters": sum(form.weight_count for form in self.forms.values()),
            "torch": torch.__version__,
            "arrays": sorted(layout.specs),
        }
        checked(Description, description)
        lease = create_run(self.folder, description, layout.specs, layout.coordinates, layout.attributes, None)
        self.writer = RunWriter(
            self.folder, lease, replace(read_progress(self.folder), attempt=1, status="running"), layout.specs
        )
        for line in self.early:
            self.writer.scalars(line)
        return self.writer

    def _say_what_is_left_out(self, step: int, name: str, form: Form, trace: Trace, calls: int) -> None:
        """Once of each kind, what of a trace the run has no room for."""
        T, B, which = trace.seq_len, trace.layers[0].batch_size, name or "the module itself"
        if form.timesteps < T:
            self._say_once(
                step, f"{which}: longer sequences than {form.timesteps} timesteps keep their last {form.timesteps}; "
                f"watch(..., timesteps={T}) makes room for this one", f"{name} timesteps",
            )  # fmt: skip
        if form.batch_size < B:
            self._say_once(step, f"{which}: of larger batches the first {form.batch_size} sequences are kept")
        if calls > 1:
            self._say_once(step, f"{which}: the last of several calls per step is kept")

    def _say_once(self, step: int, text: str, what: str | None = None, kind: str = "left_out") -> None:
        if (what or text) not in self.said:
            self.said.add(what or text)
            self._event(step, kind, text)

    def _event(self, step: int, kind: str, text: str) -> None:
        if self.writer is not None:
            self.writer.event(step, kind, cut(text, LONGEST_REASON))

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        self._go_to(step)
        self.line |= values
        if self.writer is not None:
            self.writer.latest |= values
            self._commit_if_due()

    def _go_to(self, step: int) -> None:
        """A step begins to be written; the one before is over."""
        if step > MOST_STEPS:
            raise RecordingError(f"a run has at most {MOST_STEPS} steps.")
        if step != self.step:
            self._write_line()
        self.step = step

    def _write_line(self) -> None:
        """The numbers that were logged at the present step."""
        if not self.line:
            return
        line: dict[str, object] = {"step": self.step, **self.line}
        self.line = {}
        if self.writer is None:
            self.early.append(line)
        else:
            self.writer.scalars(line)

    def _commit_if_due(self) -> None:
        writer = self.writer
        assert writer is not None
        is_first = writer.progress.committed == 0
        if is_first or time.monotonic() - self.commit_ended > seconds_between_commits(self.commit_took):
            self._commit("running", "")

    def _commit(self, status: Status, reason: str) -> None:
        """Put everything on the disk; the line of a step that may get more numbers waits for the next commit."""
        assert self.writer is not None
        began = time.monotonic()
        self.writer.commit(None, self.step, status, reason, began - self.began)
        self.commit_ended = time.monotonic()
        self.commit_took = self.commit_ended - began

    def _end(self, error: BaseException | None) -> None:
        self._write_line()
        if self.writer is None:
            return
        if error is None:
            self._event(self.step, "ended", "the training was watched to its end")
            self._commit("finished", "")
        elif isinstance(error, KeyboardInterrupt):
            self._event(self.step, "ended", "stopped before its end")
            self._commit("interrupted", "stopped")
        else:
            what = cut(f"{type(error).__name__}: {error}", LONGEST_REASON)
            self._event(self.step, "failed", what)
            self._commit("failed", what)
