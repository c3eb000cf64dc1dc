"""The order of waiting jobs, fair between visitors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.copies import Program


@dataclass(eq=False)
class Job:
    """Runs that train in lockstep in one process, from the moment when somebody asks for them."""

    runs: tuple[str, ...]
    """Their names; their folders are made when the process begins."""
    visitor: str
    arguments: list[str]
    """Of the command line that trains them."""
    seconds: float | None = None
    """The longest that the process may take; None is no limit."""
    process: Program | None = None
    stopping: bool = False
    """Its process was asked to end after the current step."""
    over: bool = False
    """It has ended, or was cancelled before it began."""
    error: str | None = None
    """Why it ended, where it ended badly."""

    @property
    def waits(self) -> bool:
        """Whether its process has not begun yet."""
        return self.process is None and not self.over

    @property
    def works(self) -> bool:
        """Whether its process trains."""
        return self.process is not None and not self.over

    def stop(self) -> None:
        """Ask the process to end after the current step: once, since a second signal would cut that step off."""
        if self.process is not None and not self.stopping and not self.over:
            self.stopping = True
            self.process.terminate()


def order_jobs(waiting: Sequence[Job], working: Sequence[Job], served: Mapping[str, int]) -> list[Job]:
    """The waiting jobs in the order in which they will start.

    First comes the visitor with the fewest jobs at work; of equals, the one who was served longest ago; then the one
    who asked first.

    Args:
        waiting: in the order in which it was asked for.
        working: what trains now.
        served: visitor → when they were last served; the later, the larger.
    """
    at_work = Counter(job.visitor for job in working)
    last, left, order = dict(served), list(waiting), list[Job]()
    while left:
        job = min(left, key=lambda j: (at_work[j.visitor], last.get(j.visitor, 0)))  # of equals, min takes the first
        left.remove(job)
        order.append(job)
        at_work[job.visitor] += 1
        last[job.visitor] = 1 + max(last.values(), default=0)
    return order
