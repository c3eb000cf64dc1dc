"""Decide which backward passes are steps and which are recorded, with one count for all modules of a network."""

from collections.abc import Callable, Iterable
from functools import partial
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
        ended: called when all is there that a pass has recorded: with the pass, and whether it is a step that was to
            be recorded.
    """

    def __init__(self, every: int, counted: Iterable[nn.Parameter], ended: Callable[[int, bool], None]) -> None:
        self.every, self.number = every, 0
        self._recorded: list[Recorded] = []
        self._ended = ended
        self._latest = -1  # the pass that was counted last
        self._numbers: dict[int, int] = {}  # pass that is waited for → its number; 0 for one that is not counted
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

    def join(self, number: int = 0) -> None:
        """Record the backward pass that is running, and wait for its end."""
        task = torch._C._current_graph_task_id()
        if task not in self._numbers:
            at_the_end(partial(self._wait, task))
        self._numbers[task] = number or self._numbers.get(task, 0)

    def _count(self, weight: Tensor) -> None:
        task = torch._C._current_graph_task_id()
        for recorded in self._recorded:
            recorded.note_weight(weight, task)
        if task == self._latest or self._numbers.get(task):
            return
        self._latest = task
        self.number += 1
        if task in self._numbers or self.number % self.every == 0 or self.number % self.every == 1:
            self.join(self.number)

    def _wait(self, task: int) -> None:
        at_the_end(partial(self._end, task))  # behind all that the pass itself has put there

    def _end(self, task: int) -> None:
        number = self._numbers.pop(task)
        self.number += not self._counts
        try:
            self._ended(task, not self._counts or (number > 0 and (number - 1) % self.every == 0))
        finally:
            for recorded in self._recorded:
                if self._counts and self.number % self.every:
                    recorded.detach()
                else:
                    recorded.attach()


def at_the_end(function: Callable[[], None]) -> None:
    """Call a function at the end of the backward pass that is running; torch has no public name for this."""
    torch.autograd.Variable._execution_engine.queue_callback(function)
