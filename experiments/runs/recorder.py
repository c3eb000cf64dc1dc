"""A training together with its run folder: what to record, when to commit, and how to follow control.json."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from analysis.training_findings import has_lost
from analysis.wording import own_digits
from experiments.config.run_config import RunConfig
from experiments.config.words import cut
from experiments.errors import ConfigError
from experiments.runs.control import Control, Watch, write_control
from experiments.runs.form import describe, forms_of
from experiments.runs.opening import config_to_go_on, open_run
from experiments.runs.records import is_recorded, later, row
from experiments.runs.store.create import create_run, refused
from experiments.runs.store.description import Lockstep
from experiments.runs.store.errors import ForeignRunError, RecordingError, RunInUseError
from experiments.runs.store.form import Form
from experiments.runs.store.layout import layout_of
from experiments.runs.store.lease import Lease
from experiments.runs.store.progress import Status
from experiments.runs.store.writer import RunWriter
from experiments.tasks import OWN_CLASS
from experiments.training.lengths import evaluate_lengths
from experiments.training.training import Step, Training

COMMIT_SECONDS = 1.0
"""A commit waits at least so long after the one before,"""
COMMIT_SHARE = 0.03
"""and so long that commits take no more than this share of the time,"""
LONGEST_SECONDS = 10.0
"""but no longer: this much work is lost at most when the process is killed."""
LONGEST_REASON = 1000
"""Most characters of an error's text."""
OTHER_LENGTH = "other length"
"""The kind of event that says how the network does at another length."""
POLL_SECONDS = 0.05
"""Seconds between two checks of a paused run whether it may continue."""


class Recorder:
    """A training together with its run folder.

    `Recorder.start` makes a new run, `Recorder.resume` goes on with one; both take the folder's lease. Use it as a
    context manager: whatever ends the block, what was done is committed if it can be, and the lease given back.
    """

    def __init__(self, training: Training, writer: RunWriter, forms: Sequence[Form]) -> None:
        self.training, self.writer, self.forms = training, writer, forms
        self.status: Status = "running"
        self.reason = ""
        self.ended = False
        self.singles = 0
        self.other_lengths: list[str] = []
        """Sentences about the network at other lengths, once the run has ended."""
        self.commit_ended, self.commit_took = time.monotonic(), 0.0
        wanted = Control(training.learning_rate, training.clip_threshold)
        try:
            write_control(writer.folder, wanted)
        except OSError as error:
            raise refused(error, writer.folder, f"everything up to step {training.step}") from None
        self.watch = Watch(writer.folder, wanted)

    @classmethod
    def start(
        cls,
        config: RunConfig,
        folder: Path,
        path: str | None = None,
        paused: bool = False,
        lockstep: Lockstep | None = None,
        owner: str | None = None,
    ) -> "Recorder":
        """Make a run folder that does not exist yet, and take it.

        Args:
            config: what to train.
            folder: where the run is kept; its last part is the run's name.
            path: `fast` or `reference`, see `models.record`; None for the fast one where there is one.
            paused: whether it waits before its first step.
            lockstep: what is started together with it.
            owner: mark of the page's visitor who starts it; None for a run of the command line.

        Raises:
            ConfigError: the configuration cannot be run.
            RunExistsError: the folder exists; RecordingError: it cannot be written.
        """
        training = Training(config, path)
        forms = forms_of(config, training.task.input_size, training.task.output_size)
        plan = layout_of(forms[0], forms[1:])
        description = describe(training, forms, lockstep) | ({} if owner is None else {"owner": owner})
        lease = create_run(folder, description, plan.specs, plan.coordinates, plan.attributes, training.checkpoint())
        return cls._open(training, folder, forms, paused, lease)

    @classmethod
    def resume(cls, folder: Path, paused: bool = False) -> "Recorder":
        """Take a run that was interrupted, where it was last committed.

        Raises:
            RunError: it cannot be read or written, or another process writes it; ConfigError: it cannot be run here.
        """
        reader = open_run(folder)
        for name in reader.layout.every_spec:  # before the network is made, for which a stranger may say any size
            reader.tensor(name)
        training = Training(config_to_go_on(reader), reader.path)
        if OWN_CLASS.fullmatch(training.config.task):
            sizes = training.task.input_size, training.task.output_size
            if forms_of(training.config, *sizes) != tuple(reader.forms.values()):
                raise ForeignRunError(f"run {reader.name} was recorded with another class than its task is now.")
        return cls._open(training, folder, [*reader.forms.values()], paused)

    @classmethod
    def _open(
        cls, training: Training, folder: Path, forms: Sequence[Form], paused: bool, lease: Lease | None = None
    ) -> "Recorder":
        specs = layout_of(forms[0], forms[1:]).specs
        writer, checkpoint = RunWriter.open(folder, specs, training.largest_checkpoint, lease)
        try:
            if checkpoint.values.get("step") != writer.progress.step:
                raise ValueError("step")
            training.restore(checkpoint)
            recorder = cls(training, writer, forms)
            if writer.progress.attempt > 1:
                recorder.event("resumed", f"resumed after step {training.step}")
            if paused:
                write_control(folder, replace(recorder.watch.control, pause=True))
        except BaseException as error:
            writer.__exit__()
            if isinstance(error, ValueError) and not isinstance(error, ConfigError):
                raise ForeignRunError(
                    f"the checkpoint of run {folder.name} does not belong to this run: its {cut(str(error))} is wrong."
                ) from None
            raise
        recorder.ended = recorder.is_complete()
        return recorder

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None or issubclass(kind, KeyboardInterrupt):
                if not self.ended:
                    self.end("interrupted", "stopped", "stopped before its end")
            elif not issubclass(kind, RecordingError | RunInUseError):
                what = cut(f"{kind.__name__}: {error}", LONGEST_REASON)
                self.event("failed", what)
                # not from this state, which may be halfway through a step: the last commit's checkpoint stays
                self.status, self.reason = "failed", what
                self.writer.restate(self.status, self.reason)
        finally:
            self.close()

    def close(self) -> None:
        """Release the lease without a last commit."""
        self.writer.__exit__()

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.writer.folder

    def event(self, kind: str, text: str, **values: object) -> None:
        """Record an event at this step."""
        self.writer.event(self.training.step, kind, text, **values)

    def turn(self) -> Step | None:
        """Do what is to be done now: take a step, or wait a moment if paused; None if no step was taken.

        Raises:
            RecordingError: the disk refuses; RunInUseError: another process has taken over.
        """
        wanted = self.watch.poll()
        self.heed(wanted)
        if self.ended:
            return None
        single = wanted.pause and self.singles < wanted.single_step
        if wanted.pause and not single:
            self.rest()
            return None
        if single:
            self.singles += 1
        elif self.status == "paused":
            self.status, self.reason = "running", ""
            self.event("resumed", "went on")
        step = self.step()
        if not self.ended and (single or self.is_due()):
            self.commit()
        return step

    def heed(self, wanted: Control) -> None:
        """Apply the settings of control.json, and record the change as an event."""
        training = self.training
        if wanted.learning_rate != training.learning_rate:
            old, new = training.learning_rate, wanted.learning_rate
            training.set_learning_rate(new)
            said = f"learning rate changed from {own_digits(old)} to {own_digits(new)}"
            self.event("learning_rate", said, old=old, new=new)
        if wanted.clip_threshold != training.clip_threshold:
            before, after = training.clip_threshold, wanted.clip_threshold
            training.clip_threshold = after
            text = f"clip threshold changed from {format_threshold(before)} to {format_threshold(after)}"
            self.event("clip_threshold", text, old=before, new=after)
        if wanted.stop:
            self.end("interrupted", "stopped", "stopped by hand")

    def rest(self) -> None:
        """Wait for a moment while paused."""
        if self.status != "paused":
            self.status, self.reason = "paused", "paused by hand"
            self.event("paused", "paused")
            self.commit()
        time.sleep(POLL_SECONDS)

    def step(self) -> Step:
        """One optimiser step with its record, evaluation and events."""
        training, config, began = self.training, self.training.config, time.perf_counter()
        step = training.advance()
        recorded = is_recorded(self.forms[0], training.step)
        kept = row(self.forms, step, training.model) if recorded else None
        rest = later(self.forms, training.model) if recorded else None
        taken = step.culprit is None or config.on_nonfinite == "continue"
        update_size = training.update(step.clipping.grads) if taken else 0.0
        seconds = time.perf_counter() - began
        training.seconds += seconds
        scalars = step.scalars | {"update_size": update_size, "seconds": seconds}
        if config.evaluate_every and (training.step % config.evaluate_every == 0 or training.step == config.steps):
            evaluation = training.evaluate()
            scalars |= {"evaluation_loss": evaluation.loss, "evaluation_accuracy": evaluation.accuracy}
        self.writer.scalars(scalars)
        if kept is not None and rest is not None:
            self.writer.record({**kept, "seconds": np.asarray(seconds)}, rest)
        step = replace(step, scalars=scalars)
        self.look_for_end(step)
        return step

    def look_for_end(self, step: Step) -> None:
        """Put in the record what the step was, if it was remarkable, and end the run if it is over."""
        training, config = self.training, self.training.config
        finite = step.culprit is None
        if finite != training.finite:  # not again for every step of a run that has diverged
            training.finite = finite
            text = "finite again" if finite else f"Inf or NaN first in {step.culprit}"
            self.event("finite" if finite else "nonfinite", text, culprit=step.culprit, policy=config.on_nonfinite)
        if not finite and config.on_nonfinite == "stop":
            self.end("finished", "nonfinite", f"ended by Inf or NaN in {step.culprit}")
        elif training.solved and config.stop_on_success:
            self.end("finished", "success", "solved the task")
        elif training.step >= config.steps:
            reason = "success" if training.solved else "diverged" if self.has_lost(step) else "steps"
            text = "took all its steps; the loss has diverged" if reason == "diverged" else "took all its steps"
            self.end("finished", reason, text)

    def has_lost(self, step: Step) -> bool:
        """Whether the loss has diverged, finite or not: the last evaluation's, or the batch's where there was none."""
        loss = step.scalars.get("evaluation_loss", step.scalars["loss"])
        return has_lost(float(str(loss)), self.training.chance)

    def is_complete(self) -> bool:
        """Whether a run that was opened has nothing left to do."""
        return self.writer.progress.reason in ("steps", "success", "nonfinite", "diverged")

    def end(self, status: Status, reason: str, text: str) -> None:
        """Commit the end of the run, and then how the network of a run that took its steps does at other lengths."""
        self.status, self.reason, self.ended = status, reason, True
        self.event("ended", text, reason=reason)
        self.commit()
        if reason in ("steps", "success") and self.training.config.evaluate_at:
            for there in evaluate_lengths(self.training.config, self.training.task, self.training.model):
                self.other_lengths.append(there.sentence)
                self.event(OTHER_LENGTH, there.sentence, **asdict(there))
            self.commit()

    def is_due(self) -> bool:
        """Whether it is time to commit."""
        return time.monotonic() - self.commit_ended > seconds_between_commits(self.commit_took)

    def commit(self) -> None:
        """Write everything so far to the disk."""
        began, training = time.monotonic(), self.training
        checkpoint = training.checkpoint()
        self.writer.commit(checkpoint, training.step, self.status, self.reason, training.seconds)
        self.commit_ended = time.monotonic()
        self.commit_took = self.commit_ended - began


def seconds_between_commits(took: float) -> float:
    """How long a commit waits after the one before, which took so many seconds."""
    return min(max(COMMIT_SECONDS, took / COMMIT_SHARE), LONGEST_SECONDS)


def format_threshold(threshold: float | None) -> str:
    """Format a clip threshold for a message."""
    return "none" if threshold is None or math.isnan(threshold) else own_digits(threshold)
