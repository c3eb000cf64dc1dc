"""Watch any torch module: after the user's own `loss.backward()`, a Trace of each recurrent module inside it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from models.recording.above import from_above
from models.recording.trace import Trace
from models.recording.watch_alerts import Alert, Condition, LogCondition, check_whole
from models.recording.watch_gradients import unaccounted
from models.recording.watch_hook import Hook
from models.recording.watch_log import Log
from models.recording.watch_module import WatchedModule
from models.recording.watch_run import open_record
from models.recording.watch_steps import Steps
from models.recording.watch_weights import is_recurrent
from models.recording.watch_words import spoken_name


def watch(
    module: nn.Module,
    every: int = 1,
    samples: int | None = None,
    *,
    run: str | Path | None = None,
    title: str | None = None,
    units: int | None = None,
    timesteps: int | None = None,
) -> "Watch":
    """Watch every nn.RNN, LSTM, GRU, RNNCell, LSTMCell and GRUCell inside a module, without changing the module.

    Outputs, gradients and random numbers are those of the unwatched module, bit for bit. A recorded step runs the
    recurrent layers once more at the end of the backward pass; a step that is not recorded runs the module and nothing
    else. A step is one backward pass that reaches a recurrent module's weights.

    Args:
        module: any torch module.
        every: record one step in `every` steps; the first one is recorded.
        samples: how many sequences of a batch to keep, the first ones; None for all. With `run`, those whose states
            and gradients the run keeps; the traces have all.
        run: a folder that does not exist yet, such as `runs/mine`: the training becomes a run there, which the page
            Runs and the commands `list`, `show`, `probe`, `export` and `verify` open, also while it trains. It keeps
            the weights, the gradient norms of all sequences, and the states and gradients of the first one, or of
            `samples`.
        title: of the run, in a few words; the module's class if left out.
        units: keep the states of so many hidden units in the run; None for all, which analyses need.
        timesteps: make room in the run for so many; None for as many as the first recorded step has. Of a longer
            sequence the last ones are kept.

    Raises:
        ValueError: no recurrent module inside, a number below 1, or a run that cannot be kept there.

    Example:
        >>> import torch
        >>> model = torch.nn.LSTM(2, 8, num_layers=2)
        >>> with watch(model) as seen:
        ...     outputs, _ = model(torch.randn(20, 4, 2))
        ...     outputs[-1].mean().backward()
        >>> seen[""].log_norm.shape  # layer, time, batch: ln‖dL/dh_t‖
        torch.Size([2, 20, 4])
    """
    return Watch(module, every, samples, run=run, title=title, units=units, timesteps=timesteps)


class Watch:
    """The recordings of a watched module: `seen[name]` is the Trace of its recurrent module of that name."""

    def __init__(
        self,
        module: nn.Module,
        every: int = 1,
        samples: int | None = None,
        *,
        run: str | Path | None = None,
        title: str | None = None,
        units: int | None = None,
        timesteps: int | None = None,
    ) -> None:
        numbers = {"every": every, "samples": samples, "units": units, "timesteps": timesteps}
        for word, number in numbers.items():
            if number is not None or word == "every":
                check_whole(word, number)
        for word, value in (("title", title), ("units", units), ("timesteps", timesteps)):
            if run is None and value is not None:
                raise ValueError(f"{word} was {value!r}; it needs run=; add run=.")
        if title is not None and not isinstance(title, str):
            raise ValueError(f"title was {title!r}; it must be text.")
        if run is not None and not str(run):
            raise ValueError("run was empty; it must be the path of a folder, such as runs/mine.")
        if not isinstance(module, nn.Module):
            raise ValueError(f"module was {module!r:.100}; it must be a torch module, such as torch.nn.LSTM(3, 8).")
        self._module = module
        recurrent = {name: m for name, m in module.named_modules() if is_recurrent(m)}
        if not recurrent:
            raise ValueError(
                f"{type(module).__name__} contains no nn.RNN, nn.LSTM, nn.GRU or one of their cells; "
                "watch a module that does."
            )
        self._record = None if run is None else open_record(run, module, title, every, units, timesteps, samples)
        self._alerts: list[Alert] = []
        self._log = Log()
        self._steps = Steps(every, counted_weights(module), self._end_step)
        loading = {id(m): m for m in (module, *recurrent.values())}.values()
        self._loaded = [m.register_load_state_dict_post_hook(Hook(self._count_anew)) for m in loading]
        kept = samples if run is None else None  # a run has the gradient norms of all sequences
        self._watched = {name: WatchedModule(name, m, kept, self._steps) for name, m in recurrent.items()}

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    def close(self) -> None:
        """Remove all hooks, and end the run. The traces stay."""
        self._end(None)

    def _count_anew(self, module: nn.Module, keys: object) -> None:
        """`load_state_dict(assign=True)` puts other weights into the place of those that are counted."""
        self._steps.count(counted_weights(self._module))

    def _end(self, error: BaseException | None) -> None:
        for handle in self._loaded:
            handle.remove()
        self._steps.close()
        if self._record is not None:
            self._record.close(self._steps.number, error)

    @property
    def names(self) -> tuple[str, ...]:
        """The recurrent modules inside, by their names in `named_modules()`; `""` is the module itself."""
        return tuple(self._watched)

    @property
    def step(self) -> int:
        """The number of steps so far: backward passes that reached a recurrent module's weights."""
        return self._steps.number

    @property
    def notes(self) -> dict[str, str]:
        """Name → why a module has no trace, or what has to be known of the one it has, in a sentence."""
        now = dict(self._module.named_modules())
        notes = {
            name: replaced(watched, now.get(name))
            or (watched.remark if watched.traces else watched.note or never_called(watched))
            for name, watched in self._watched.items()
        }
        return {name: note for name, note in notes.items() if note}

    def calls(self, name: str) -> tuple[Trace, ...]:
        """One Trace per call in the last recorded backward pass; calls that carry their state on are one.

        Raises:
            KeyError: no recurrent module of that name.
        """
        return tuple(self._named(name).traces)

    def log(self, **values: object) -> None:
        """Note numbers of the step whose backward pass has just ended, such as its loss; a run keeps them.

        Of `grad_norm`, what `clip_grad_norm_` has returned, and `clip`, its threshold, follows what was clipped.

        Args:
            values: numbers, or tensors that hold one.

        Raises:
            ValueError: what is no number, or a name that is taken: `step`, `length`, `seconds`.

        Example:
            >>> import torch
            >>> from models import clipping_engaged
            >>> model = torch.nn.GRU(2, 8)
            >>> with watch(model) as seen:
            ...     seen.alert(clipping_engaged(0.9, steps=100))
            ...     loss = model(torch.randn(20, 4, 2))[0][-1].mean()
            ...     loss.backward()
            ...     norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            ...     seen.log(loss=loss, grad_norm=norm, clip=1.0)
        """
        noted = self._log.note(self.step, values)
        if self._record is not None:
            self._record.log(max(1, self.step), noted)
        for alert in self._alerts:
            if isinstance(alert.condition, LogCondition) and noted.keys() & set(alert.condition.names):
                self._tell(alert, "", alert.condition.check(self._log.steps))

    def alert(self, condition: Condition | LogCondition, then: Callable[[str], object] | None = None) -> None:
        """Check a condition at the end of each recorded backward pass, or when numbers are logged.

        Args:
            condition: `models.gradient_below(1e-6, lag=100)`, `models.not_finite()`,
                `models.clipping_engaged(0.9, steps=100)`, or any function from a Trace to words or None.
            then: called with a sentence if the condition holds; if left out, `backward` or `log` raises an AlertError.

        Raises:
            ValueError: a condition or a `then` that cannot be called.
        """
        if not isinstance(condition, LogCondition) and not callable(condition):
            raise ValueError(f"condition was {condition!r:.100}; it must be a function, such as models.not_finite().")
        if then is not None and not callable(then):
            raise ValueError(f"then was {then!r:.100}; it must be a function that takes a sentence.")
        self._alerts.append(Alert(condition, then))

    def report(self) -> Any:
        """`analysis.report` of what has been seen: print it, or show it in a notebook."""
        return from_above("analysis.report", "report")(self)

    def __getitem__(self, name: str) -> Trace:
        """The Trace of the module's last call in the last recorded backward pass.

        Raises:
            KeyError: no recurrent module of that name, or no trace of it; the sentence says why.
        """
        traces = self._named(name).traces
        if not traces:
            raise KeyError(self.notes[name])
        return traces[-1]

    def __contains__(self, name: str) -> bool:
        """Whether there is a trace of that name."""
        return name in self._watched and bool(self._watched[name].traces)

    def _named(self, name: str) -> WatchedModule:
        if name not in self._watched:
            raise KeyError(f"no recurrent module is called {name!r}; there are {', '.join(map(repr, self._watched))}.")
        return self._watched[name]

    def _end_step(self, task: int, is_step: bool) -> None:
        """A recorded backward pass is over."""
        new = {name: watched.traces for name, watched in self._watched.items() if watched.is_new and watched.traces}
        self._check_gradients(task, new)
        for watched in self._watched.values():
            watched.is_new = False
        if self._record is not None and is_step:
            self._record.record(self.step, new)
        for name, traces in new.items():
            for trace in traces:
                for alert in self._alerts:
                    if not isinstance(alert.condition, LogCondition):
                        self._tell(alert, name, alert.condition(trace))

    def _check_gradients(self, task: int, new: Mapping[str, Sequence[Trace]]) -> None:
        """Ask whether the traces account for what autograd gave to the weights."""
        received: dict[nn.Parameter, Tensor] = {}
        for watched in self._watched.values():
            received |= watched.received.of_pass(task)
        made = {name: self._watched[name] for name in new}
        if not all(watched.is_exact for watched in made.values()):
            return
        others = unaccounted(received, [(name, of.module, new[name]) for name, of in made.items()])
        for watched in made.values():
            watched.has_more_gradient = any(weight in others for weight in watched.module.parameters())

    def _tell(self, alert: Alert, name: str, words: str | None) -> None:
        if words is None:
            return
        sentence = f"{name or 'the watched module'}: {words}."
        if self._record is not None:
            self._record.note(self.step, "alert", sentence)
        alert.tell(sentence)


def counted_weights(module: nn.Module) -> list[nn.Parameter]:
    """The weights of each recurrent module that trains: a backward pass that reaches one of them is a step.

    Of a frozen one, a weight of the network around it. All of them, since one may be frozen later.
    """
    found: dict[nn.Parameter, None] = {}
    for recurrent in (m for m in module.modules() if is_recurrent(m)):
        own = [p for p in recurrent.parameters() if p.requires_grad]
        around = (p for p in module.parameters() if p.requires_grad and not is_lazy(p))
        found |= dict.fromkeys(own or [weight for weight in [next(around, None)] if weight is not None])
    return [*found]


def replaced(watched: WatchedModule, now: nn.Module | None) -> str:
    """The note for a module in whose place there is another one now; empty if it is there."""
    if now is watched.module:
        return ""
    return f"{spoken_name(watched.name, watched.module)} is no longer a part of the watched network; watch it anew."


def never_called(watched: WatchedModule) -> str:
    """The note for a module without a recording."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    has_compiled = dynamo is not None and bool(dynamo.counters["frames"])
    words = " (torch.compile keeps what it compiled before: watch first)" if has_compiled else ""
    return f"{spoken_name(watched.name, watched.module)} was not called while it was watched{words}."
