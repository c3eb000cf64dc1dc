"""A report on a watched network, module by module, in Explore's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from analysis.course import begin_sentence
from analysis.diagnosis import diagnose
from analysis.finding import Finding, Subject
from analysis.last_loss import last_loss_only
from analysis.profile import Profile, describe_decay, describe_horizon, profile
from analysis.wording import counted
from models.recording.trace import Trace, layer_name
from models.recording.watch import Watch


@dataclass(frozen=True, eq=False)
class ModuleReport:
    """The last recorded pass of one recurrent module. No remedy has been tried."""

    name: str
    trace: Trace
    calls: int = 1
    """How many calls of the module the pass had; this report is about the last one."""

    @property
    def cell(self) -> str:
        """The kind of cell, such as `LSTM`."""
        return self.trace.top.cell.words.label

    @cached_property
    def profiles(self) -> tuple[Profile, ...]:
        """The gradient profile of each layer and direction."""
        return tuple(profile(layer) for layer in self.trace.layers)

    @cached_property
    def findings(self) -> list[Finding]:
        """All findings, the most severe first; empty for a healthy module."""
        return diagnose(
            Subject(
                trace=self.trace,
                transport=last_loss_only(self.trace),
                dependency=self.trace.seq_len - 1,
                loss=None,
                chance=None,
            )
        )

    @property
    def title(self) -> str:
        """The module and its sizes."""
        top = self.trace.top
        T, B, H = top.seq_len, top.batch_size, top.cell.state_sizes[-1]
        sizes = f"{counted(H, 'unit')}, {counted(T, 'timestep')}, {counted(B, 'sequence')}"
        which = f" (the last of {self.calls} calls)" if self.calls > 1 else ""
        return f"{self.name or 'the module itself'}: {self.cell}, {sizes}{which}"

    def rows(self) -> list[dict[str, str]]:
        """One row per layer and direction: what the gradient does, its decay per step and its horizon."""
        return [
            {
                "layer": layer_name(k, self.trace.num_directions),
                "gradient": begin_sentence(p.course),
                "decay": describe_decay(p.decay).removesuffix("."),
                "horizon": f"below 10⁻⁷ of its largest: {describe_horizon(p)}",
            }
            for k, p in enumerate(self.profiles)
        ]

    def __str__(self) -> str:
        lines = [self.title]
        for row in self.rows():
            lines += [f"  {row['layer']}: {row['gradient']}.", f"    {row['decay']}; {row['horizon']}"]
        for finding in self.findings:
            lines += [f"  {finding.severity}: {finding.title}. {finding.evidence}", f"    {finding.remedy}"]
        return "\n".join(lines if self.findings else [*lines, "  No fault is found."])


@dataclass(frozen=True, eq=False)
class Report:
    """The report on a watched network: printed, it is text; in a notebook, it shows pictures and tables."""

    modules: Sequence[ModuleReport]
    notes: dict[str, str]
    """Name of a module → why there is nothing to report about it."""

    def __str__(self) -> str:
        return "\n\n".join([*map(str, self.modules), *self.notes.values()])

    def _repr_html_(self) -> str:
        from analysis.figures.notebook import show_report  # here, since a report on the terminal needs no figure

        return show_report(self)


def report(seen: Watch) -> Report:
    """Report the last recorded pass of each recurrent module: decay per step, horizon, findings with a remedy.

    Args:
        seen: the result of `models.watch`.

    Example:
        >>> import torch
        >>> from models import watch
        >>> rnn = torch.nn.RNN(2, 8)
        >>> _ = torch.nn.init.constant_(rnn.weight_hh_l0, 0.01)
        >>> with watch(rnn) as seen:
        ...     rnn(torch.zeros(50, 4, 2))[0][-1].sum().backward()
        >>> print(report(seen).modules[0].findings[0].title)
        The gradient vanishes
    """
    modules = [ModuleReport(name, seen[name], len(seen.calls(name))) for name in seen.names if name in seen]
    return Report(modules, seen.notes)
