"""The hooks on one recurrent module, which record its calls and make traces of them."""

import threading
import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence
from torch.utils.hooks import RemovableHandle
from torch.utils.weak import WeakIdKeyDictionary

from models.recording.trace import Trace
from models.recording.watch_arrivals import Arrivals, edge_of, listen, listen_inside, made_tensor
from models.recording.watch_budget import too_large
from models.recording.watch_call import Call, read_call, tensors_of
from models.recording.watch_copies import Copies
from models.recording.watch_dropout import drops
from models.recording.watch_gradients import Received
from models.recording.watch_hook import Hook
from models.recording.watch_replay import replay, sequences_of
from models.recording.watch_steps import Steps, at_the_end
from models.recording.watch_weights import RecurrentModule, used_weights
from models.recording.watch_words import (
    ELSEWHERE,
    MORE_GRADIENT,
    WEIGHTS_ALONE,
    apart,
    nothing_to_record,
    refusal,
    spoken_name,
)

States = tuple[Tensor, ...]


NO_PASS = -1
"""What torch names the backward pass that runs in a thread where none does."""
SHORT = 1e-4
"""Numbers whose relative rounding is larger, bfloat16's and float16's, are too short to compare their sums."""


@dataclass(eq=False)
class Pass:
    """A backward pass that has begun."""

    calls: dict[Call, None] = field(default_factory=dict)
    """Those that it has reached."""
    again: bool = False
    """Whether it goes through the graph of a gradient, too."""


class WatchedModule:
    """One recurrent module.

    Args:
        name: in the watched network's `named_modules()`.
        module: itself.
        samples: how many sequences of a batch are kept; None for all.
        steps: of the network; they say when the module is attached.
    """

    def __init__(self, name: str, module: RecurrentModule, samples: int | None, steps: Steps) -> None:
        self.name, self.module, self.samples, self._steps = name, module, samples, steps
        self.traces: list[Trace] = []
        self.note = ""
        """Why there is no trace, in a sentence; empty if there is one, or if there was no call."""
        self.is_new = False
        """Whether the traces are of the backward pass that has just ended."""
        self._calls = 0
        self._is_over = False
        self.received = Received()
        self._rounding = 0.0  # the largest relative one of the calls in the traces
        self.has_more_gradient = False
        """Whether the weights got another gradient than the traces account for."""
        self._passes: dict[int, Pass] = {}
        self._copies = Copies()
        self._computed: dict[str, Tensor] = {}  # what the parametrizations gave during the call
        self._missed = ""  # why a call of the step is not recorded
        self.is_elsewhere = False
        """Whether rounding has led a recorded pass away from the module's own."""
        self._weighed = -1  # the latest backward pass that has reached the weights
        self._task = -1  # the pass that the traces are of
        self._ends: WeakIdKeyDictionary = WeakIdKeyDictionary()  # the last state's tensor → the call that gave it
        self._before = ExitStack()
        self._random_state: Tensor | None = None
        self._hooks: list[RemovableHandle] = []
        steps.add(self)

    @property
    def is_exact(self) -> bool:
        """Whether the traces are of whole batches, and as exact as float32: bfloat16 adds gradients to two digits."""
        return self.samples is None and not self.is_elsewhere and self._rounding < SHORT

    def attach(self) -> None:
        """Record the next step."""
        if not self._hooks:
            before = self.module.register_forward_pre_hook(Hook(self._begin_call))
            after = self.module.register_forward_hook(
                Hook(self._end_call), prepend=True, with_kwargs=True, always_call=True
            )
            self._hooks = [before, after]
            self.received.attach(self.module.parameters())

    def note_weight(self, weight: Tensor, task: int) -> None:
        """A backward pass has reached a weight, perhaps of this module."""
        if self._hooks and any(weight is own for own in self.module.parameters()):
            self._weighed = task

    @property
    def remark(self) -> str:
        """What has to be known of the traces; empty if nothing."""
        words = ""
        if self.traces and self._missed:
            return self._missed
        if self.traces and self._weighed > self._task:
            words = WEIGHTS_ALONE
        elif self.traces and self.is_elsewhere:
            words = ELSEWHERE
        elif self.traces and self.has_more_gradient:
            words = MORE_GRADIENT
        elif len(self.traces) > 1 and all(trace.seq_len == 1 for trace in self.traces):
            words = apart(self.traces)
        return words and f"{spoken_name(self.name, self.module)} {words}."

    def detach(self) -> None:
        """Remove all hooks; the traces stay."""
        for handle in self._hooks:
            handle.remove()
        self._hooks = []
        self.received.detach()

    def _begin_call(self, module: nn.Module, args: object) -> None:
        if self._is_over or not self._calls:  # a step begins; a hook of the user's may be newer than ours
            self.received.attach(self.module.parameters())
        self._before.close()
        self._computed.clear()
        self._forget_broken_passes()
        hooks: Any = self.module._forward_hooks
        hooks.move_to_end(self._hooks[-1].id, last=False)  # others may have come before it
        self._note_random_state()
        if parametrize.is_parametrized(module):
            made_by: Any = module.parametrizations
            for name, made in made_by.items():
                self._before.callback(made.register_forward_hook(Hook(partial(self._note_computed, name))).remove)

    def _note_random_state(self) -> None:
        if drops(self.module):
            self._random_state = torch.get_rng_state()

    def _note_computed(self, name: str, parametrization: nn.Module, args: object, weight: Tensor) -> None:
        """A weight was computed, perhaps with random numbers; the one that the call used is the latest."""
        self._computed[name] = weight
        self._note_random_state()

    def _forget_broken_passes(self) -> None:
        """A pass that has raised an error has left its calls behind; its thread has gone on to this call."""
        if torch._C._current_graph_task_id() != NO_PASS:  # a checkpoint calls the module within a pass
            return
        own = threading.get_ident()
        for task, begun in list(self._passes.items()):
            if all(call.thread == own for call in begun.calls):
                del self._passes[task]
                for call in begun.calls:
                    call.clear()

    def _end_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Note a call; whatever hinders that becomes a sentence, since the user's own code must not suffer."""
        random_state, self._random_state = self._random_state, None
        try:
            if result is not None:  # the call itself has not failed
                self._note_call(args, kwargs, result, random_state)
        except Exception as error:
            self._miss(f"could not be recorded ({error})")
        finally:
            self._before.close()
            self._computed.clear()

    def _note_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, random_state: Tensor | None
    ) -> None:
        inputs, hx = (*args, *(kwargs[key] for key in ("input", "hx") if key in kwargs), None)[:2]
        output, ends = tensors_of(self.module, result)
        if not torch.is_grad_enabled():
            self._say("was called without gradients (torch.no_grad or inference_mode)")
            return
        if self._is_over:  # a new step begins; what the last one left need not be held beside it
            self.traces, self._is_over, self._missed = [], False, ""
        if words := nothing_to_record(output):
            self._say(words)
            return
        if words := refusal(self.module, args, kwargs, result, random_state):
            self._miss(words)
            return
        weights = used_weights(self.module, self._computed)
        copied = {name: self._copies.copied(name, weight) for name, weight in weights.items()}
        call = read_call(self.module, inputs, hx, output, ends, random_state, copied)
        call.number, self._calls = self._calls, self._calls + 1
        if (too_much := too_large(call, self.samples)) is not None:
            self._miss(too_much)
            return
        self._say("was called, but no gradient has come back to it: it is outside of the loss, or backward did not run")
        self._join(call, inputs, hx)
        self._listen(call, inputs, hx, output, ends, weights.values())

    def _miss(self, words: str) -> None:
        """A call is not recorded, which has to be known also where another one of the step is."""
        self._say(words)
        self._missed = f"{spoken_name(self.name, self.module)} {words}."

    def _say(self, words: str) -> None:
        if not self.traces:
            self.note = f"{spoken_name(self.name, self.module)} {words}."

    def _join(self, call: Call, inputs: Tensor | PackedSequence, hx: Tensor | States | None) -> None:
        """Find the call whose last state this one starts from: those very tensors, neither changed nor detached since.

        If one of them is its input, too, their gradient comes on both ways, and cannot be told apart: then it begins a
        sequence, whose start state is given.
        """
        given: States = () if hx is None else (hx,) if isinstance(hx, Tensor) else hx
        if not given or any(s.grad_fn is None for s in given):
            return
        data = inputs.data if isinstance(inputs, PackedSequence) else inputs
        if data.grad_fn is not None and edge_of(data) in map(edge_of, given):
            return
        (reference, _), *_ = found = [self._ends.get(s, (None, -1)) for s in given]
        previous = reference and reference()
        belongs = all(f == (reference, which) for which, f in enumerate(found))
        if previous and belongs and not previous.is_followed and call.can_follow(previous):
            call.previous, previous.is_followed, previous.last = previous, True, ()

    def _listen(
        self,
        call: Call,
        inputs: Tensor | PackedSequence,
        hx: Tensor | States | None,
        output: Tensor,
        ends: States,
        weights: Iterable[Tensor],
    ) -> None:
        single_step = isinstance(self.module, nn.RNNCellBase)
        call.ends = tuple(Arrivals() for _ in ends)
        heard = [*zip(ends, call.ends, strict=True)]
        if not single_step:
            heard.append((output, call.output))
        for tensor, arrivals in heard:
            if tensor.requires_grad:
                listen(tensor, arrivals, lambda: self._note_reached(call))
        reference = weakref.ref(call)
        for which, end in enumerate(ends):
            self._ends[end] = (reference, which)

        given: States = () if hx is None else (hx,) if isinstance(hx, Tensor) else hx
        made = [made_tensor(tensor) for tensor in (output, *ends)]
        targets = list(zip(made[2:], call.ends[1:], strict=True)) if single_step else []  # h is made of c
        if call.previous is not None:
            targets += zip(given, call.previous.ends, strict=True)
        if targets:
            data = inputs.data if isinstance(inputs, PackedSequence) else inputs
            listen_inside(made, targets, [data, *given, *weights])

    def _note_reached(self, call: Call) -> None:
        task = torch._C._current_graph_task_id()
        if task not in self._passes:
            self._passes[task] = Pass()
            self._steps.join()
            at_the_end(partial(self._finish, task))
        begun = self._passes[task]
        begun.again |= call.has_graph
        call.has_graph |= torch.is_grad_enabled()
        begun.calls[call] = None

    def _finish(self, task: int) -> None:
        """At the end of a backward pass: its calls become traces."""
        begun = self._passes.pop(task)
        calls = sorted(begun.calls, key=lambda call: call.number)
        self.traces, self.note, self._is_over, self.is_new, self._task = [], "", True, True, task
        self._rounding, self.has_more_gradient = max(call.rounding for call in calls), False
        self._copies.forget()
        try:
            if any(call.is_vectorized for call in calls):
                self._say(
                    "was reached by a vectorized backward pass (is_grads_batched), whose gradients are not its own"
                )
            elif begun.again:
                self._say("was reached by a backward pass through the graph of a gradient (create_graph=True), too")
            else:
                made = [replay(self.name, self.module, s, self.samples) for s in sequences_of(calls)]
                self.traces = [trace for trace, _ in made]
                self.is_elsewhere = any(elsewhere for _, elsewhere in made)
        except Exception as error:
            self._say(f"could not be recorded ({error})")
        for call in calls:
            call.clear()
