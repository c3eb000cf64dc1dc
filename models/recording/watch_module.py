"""The hooks on one recurrent module, which record its calls and make traces of them."""

import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence
from torch.utils.hooks import RemovableHandle
from torch.utils.weak import WeakIdKeyDictionary

from models.recording.trace import Trace
from models.recording.watch_arrivals import Arrivals, edge_of, listen, listen_inside
from models.recording.watch_budget import too_large
from models.recording.watch_call import Call, read_call
from models.recording.watch_check import does_more, may_do_more
from models.recording.watch_copies import Copies
from models.recording.watch_dropout import drops
from models.recording.watch_hook import Hook
from models.recording.watch_replay import replay, sequences_of
from models.recording.watch_steps import Steps, at_the_end
from models.recording.watch_weights import RecurrentModule, used_weights

States = tuple[Tensor, ...]
DOES_MORE = (
    "gave another result than torch's own class does: a subclass, a hook or random numbers of a hook change it; leave "
    "them out, or put them into a module around it"
)
ELSEWHERE = (
    "is so sensitive that rounding has led the recorded pass away from its own: sizes are typical of it, single "
    "numbers are another pass's"
)
WEIGHTS_ALONE = (
    "was reached by the last backward pass at its weights alone, as by one through the graph of a gradient; the trace "
    "is of the pass before"
)


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
        self._reached: dict[Call, None] = {}
        self._copies = Copies()
        self._computed: dict[str, Tensor] = {}  # what the parametrizations of a single cell gave during the call
        self._missed = ""  # why a call of the step is not recorded
        self._is_elsewhere = False  # whether rounding has led a recorded pass away from the module's own
        self._weighed = -1  # the latest backward pass that has reached the weights
        self._again = False  # whether the pass goes through the graph of a gradient, too
        self._task = -1
        self._ends: WeakIdKeyDictionary = WeakIdKeyDictionary()  # the last state's tensor → the call that gave it
        self._before = ExitStack()
        self._random_state: Tensor | None = None
        self._hooks: list[RemovableHandle] = []
        steps.add(self)

    def attach(self) -> None:
        """Record the next step."""
        if not self._hooks:
            before = self.module.register_forward_pre_hook(Hook(self._begin_call))
            after = self.module.register_forward_hook(
                Hook(self._end_call), prepend=True, with_kwargs=True, always_call=True
            )
            self._hooks = [before, after]

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
        elif self.traces and self._is_elsewhere:
            words = ELSEWHERE
        return words and f"{spoken_name(self.name, self.module)} {words}."

    def detach(self) -> None:
        """Remove all hooks; the traces stay."""
        for handle in self._hooks:
            handle.remove()
        self._hooks = []

    def _begin_call(self, module: nn.Module, args: object) -> None:
        self._before.close()
        if drops(self.module):
            self._random_state = torch.get_rng_state()
        self._computed.clear()
        if isinstance(module, nn.RNNCellBase) and parametrize.is_parametrized(module):
            made_by: Any = module.parametrizations
            for name, made in made_by.items():
                self._before.callback(made.register_forward_hook(Hook(partial(self._note_computed, name))).remove)

    def _note_computed(self, name: str, parametrization: nn.Module, args: object, weight: Tensor) -> None:
        """A weight was computed; the one that the call used is the latest."""
        self._computed[name] = weight

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
        if not output.requires_grad:
            self._say("has no gradient: neither its weights nor its inputs require one")
            return
        if random_state is not None and output.device.type != "cpu":
            self._miss("draws its dropout on the GPU, where the masks cannot be drawn again; set its dropout to 0")
            return
        if output.numel() == 0:
            self._say("was called without a sequence or a timestep")
            return
        if may_do_more(self.module) and does_more(self.module, args, kwargs, result, random_state):
            self._miss(DOES_MORE)
            return
        weights = used_weights(self.module, self._computed)
        copied = {name: self._copies.copied(name, weight) for name, weight in weights.items()}
        call = read_call(self.module, inputs, hx, output, ends, random_state, copied)
        call.number, self._calls = self._calls, self._calls + 1
        if (words := too_large(call, self.samples)) is not None:
            self._miss(words)
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
        targets = list(zip(ends[1:], call.ends[1:], strict=True)) if single_step else []  # h is made of c
        if call.previous is not None:
            targets += zip(given, call.previous.ends, strict=True)
        if targets:
            data = inputs.data if isinstance(inputs, PackedSequence) else inputs
            listen_inside([output, *ends], targets, [data, *given, *weights])

    def _note_reached(self, call: Call) -> None:
        task = torch._C._current_graph_task_id()
        if task != self._task:  # a new backward pass; one that broke off left calls behind
            for left in self._reached:
                left.clear()
            self._reached, self._task, self._again = {}, task, False
            self._steps.join()
            at_the_end(self._finish)
        self._again |= call.has_graph
        call.has_graph |= torch.is_grad_enabled()
        self._reached[call] = None

    def _finish(self) -> None:
        """At the end of a backward pass: its calls become traces."""
        calls, self._reached = sorted(self._reached, key=lambda call: call.number), {}
        self.traces, self.note, self._is_over, self.is_new = [], "", True, True
        self._copies.forget()
        try:
            if self._again:
                self._say("was reached by a backward pass through the graph of a gradient (create_graph=True), too")
            else:
                made = [replay(self.name, self.module, s, self.samples) for s in sequences_of(calls)]
                self.traces = [trace for trace, _ in made]
                self._is_elsewhere = any(elsewhere for _, elsewhere in made)
        except Exception as error:
            self._say(f"could not be recorded ({error})")
        for call in calls:
            call.clear()


def tensors_of(module: RecurrentModule, result: Any) -> tuple[Tensor, States]:
    """A call's output (of a packed sequence its data, of a single cell its h) and its last state."""
    if isinstance(module, nn.RNNCellBase):
        ends = (result,) if isinstance(result, Tensor) else tuple(result)
        return ends[0], ends
    if not isinstance(result, tuple):
        raise TypeError(f"it gave a {type(result).__name__}, and not an output and a last state")
    output, last = result
    data = output.data if isinstance(output, PackedSequence) else output
    return data, (last,) if isinstance(last, Tensor) else tuple(last)


def spoken_name(name: str, module: nn.Module) -> str:
    """The module's name for a sentence."""
    return f"{name!r}, a {type(module).__name__}," if name else f"The {type(module).__name__}"
