"""Decide which backward passes are steps and which are recorded, with one count for all modules of a network."""

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from models.recording.watch_hook import Hook


@runtime_checkable
class Recorded(Protocol):
    """A module that is recorded at some steps only."""

    def attach(self) -> None:
        """Record the next step."""

    def detach(self) -> None:
        """Do not record the next step."""

    def note_weight(self, weight: Tensor, task: int) -> None:
        """A backward pass has reached a counted weight."""


class Steps:
    """Counts the backward passes that reach a watched weight, and says when a recorded one has ended.

    Args:
        every: one step of so many is recorded, the first one too.
        counted: weights; a backward pass that reaches any of them is a step. Where there is none, all is recorded, and
            a recorded pass is a step.
        ended: called when all is there that a pass has recorded: with whether the pass is a step that was to be
            recorded.
    """

    def __init__(self, every: int, counted: Iterable[nn.Parameter], ended: Callable[[bool], None]) -> None:
        self.every, self.number = every, 0
        self._recorded: list[Recorded] = []
        self._ended = ended
        self._pass = self._counted = -1
        self._hooks: list[RemovableHandle] = []
        self.count(counted)

    def count(self, weights: Iterable[nn.Parameter]) -> None:
        """Count the passes that reach these weights from now on, and no others."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = [weight.register_post_accumulate_grad_hook(Hook(self._count)) for weight in weights]
        self._counts = bool(self._hooks)

    def add(self, recorded: Recorded) -> None:
        """Add a module to record, from now on; its first step is recorded."""
        self._recorded.append(recorded)
        recorded.attach()

    def close(self) -> None:
        """Leave no hook behind."""
        for hook in self._hooks:
            hook.remove()
        for recorded in self._recorded:
            recorded.detach()
        self._recorded.clear()

    def join(self) -> None:
        """Record the backward pass that is running, and wait for its end."""
        task = torch._C._current_graph_task_id()
        if task != self._pass:
            self._pass = task
            at_the_end(self._wait)

    def _count(self, weight: Tensor) -> None:
        task = torch._C._current_graph_task_id()
        for recorded in self._recorded:
            recorded.note_weight(weight, task)
        if task == self._counted:
            return
        self._counted = task
        self.number += 1
        if self.number % self.every == 0 or self.number % self.every == 1:
            self.join()

    def _wait(self) -> None:
        at_the_end(self._end)  # behind all that the pass itself has put there

    def _end(self) -> None:
        self.number += not self._counts
        is_counted = self._counted == self._pass and (self.number - 1) % self.every == 0
        try:
            self._ended(is_counted or not self._counts)
        finally:
            for recorded in self._recorded:
                if self._counts and self.number % self.every:
                    recorded.detach()
                else:
                    recorded.attach()


def at_the_end(function: Callable[[], None]) -> None:
    """Call a function at the end of the backward pass that is running; torch has no public name for this."""
    torch.autograd.Variable._execution_engine.queue_callback(function)
