"""Watch any torch module: after the user's own `loss.backward()`, a Trace of each recurrent module inside it."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from torch import nn

from models.recording.shown import shown_by
from models.recording.trace import Trace
from models.recording.watch_alerts import Alert, Condition
from models.recording.watch_module import WatchedModule, spoken_name
from models.recording.watch_weights import is_recurrent


def watch(module: nn.Module, every: int = 1, samples: int | None = None) -> "Watch":
    """Watch every nn.RNN, LSTM, GRU, RNNCell, LSTMCell and GRUCell inside a module, which itself stays as it is.

    Outputs, gradients and random numbers are those of the unwatched module, bit for bit. A recorded step runs the
    recurrent layers once more at the end of the backward pass; a step that is not recorded runs the module and nothing
    else. A step is one backward pass that reaches a recurrent module's weights.

    Args:
        module: any torch module.
        every: record one step of so many; the first one is recorded.
        samples: keep only the first so many sequences of a batch; None for all.

    Raises:
        ValueError: no recurrent module inside, or a number below 1.

    Example:
        >>> import torch
        >>> model = torch.nn.LSTM(2, 8, num_layers=2)
        >>> with watch(model) as seen:
        ...     outputs, _ = model(torch.randn(20, 4, 2))
        ...     outputs[-1].mean().backward()
        >>> seen[""].log_norm.shape  # layer, time, batch: ln‖dL/dh_t‖
        torch.Size([2, 20, 4])
    """
    return Watch(module, every, samples)


class Watch:
    """What has been seen of a module: `seen[name]` is the Trace of its recurrent module of that name."""

    def __init__(self, module: nn.Module, every: int = 1, samples: int | None = None) -> None:
        for word, number in (("every", every), ("samples", samples)):
            if number is not None and (not isinstance(number, int) or number < 1):
                raise ValueError(f"{word} was {number!r}; it must be a whole number of at least 1.")
        recurrent = {name: m for name, m in module.named_modules() if is_recurrent(m)}
        if not recurrent:
            raise ValueError(
                f"{type(module).__name__} contains no nn.RNN, nn.LSTM, nn.GRU or one of their cells; "
                "watch a module that does."
            )
        self._watched: dict[str, WatchedModule] = {}
        for name, m in recurrent.items():
            trained = (p for owner in (m, module) for p in owner.parameters() if p.requires_grad)
            self._watched[name] = WatchedModule(name, m, every, samples, next(trained, None))

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take all hooks away. What has been seen stays."""
        for watched in self._watched.values():
            watched.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The recurrent modules inside, by their names in `named_modules()`; `""` is the module itself."""
        return tuple(self._watched)

    @property
    def notes(self) -> dict[str, str]:
        """Name → why a module has no trace, in a sentence; only of those that have none."""
        return {
            name: watched.note or never_called(watched) for name, watched in self._watched.items() if not watched.traces
        }

    def calls(self, name: str) -> tuple[Trace, ...]:
        """One Trace per call in the last recorded backward pass; calls that carry their state on are one.

        Raises:
            KeyError: no recurrent module of that name.
        """
        return tuple(self._named(name).traces)

    def alert(self, condition: Condition, then: Callable[[str], object] | None = None) -> None:
        """Be told of a condition at the end of each recorded backward pass.

        Args:
            condition: such as `models.gradient_below(1e-6, lag=100)`, or any function from a Trace to words or None.
            then: is called with a sentence where the condition holds; if left out, `backward` raises a AlertError.
        """
        for watched in self._watched.values():
            watched.alerts.append(Alert(condition, then))

    def report(self) -> Any:
        """`analysis.report` of what has been seen: print it, or show it in a notebook."""
        return shown_by("report", "report")(self)

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


def never_called(watched: WatchedModule) -> str:
    """The note of a module of which nothing has been seen."""
    return f"{spoken_name(watched.name, watched.module)} was not called while it was watched."
