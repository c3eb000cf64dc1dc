"""Functions of tensors that a GPU has recorded once and replays: the kernels of a whole loop by one launch.

A replay takes the place of a function only after it has given the function's own numbers, bit by bit.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

Function = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""Tensors → tensors whose shapes follow from theirs."""

Capture = Callable[[Function, Sequence[Tensor]], Function]
"""A function that never waits for the device, and its arguments → its replay for arguments of the same form."""


def cuda_graph(function: Function, tensors: Sequence[Tensor]) -> Function:
    """The replay of a function on the GPU of its tensors.

    Raises:
        RuntimeError: the function waits for the device.
    """
    held = [x.clone() for x in tensors]
    with torch.cuda.device(held[0].device):
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # a first pass, since libraries reserve memory at their first call
            function(held)
        torch.cuda.current_stream().wait_stream(aside)
        graph, done = torch.cuda.CUDAGraph(), torch.cuda.Event()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may do what they like
            made = function(held)

    def replay(given: Sequence[Tensor]) -> Sequence[Tensor]:
        with torch.cuda.device(held[0].device):
            torch.cuda.current_stream().wait_event(done)  # another stream may still read the last results
            for memory, x in zip(held, given, strict=True):
                memory.copy_(x)
            graph.replay()
            results = [x.clone() for x in made]
            done.record()
        return results

    return replay


def eighth_of_memory(device: torch.device) -> int:
    """Bytes of the GPU's memory that all replays together may hold."""
    return torch.cuda.get_device_properties(device).total_memory // 8


RECENT = 10
"""A replay stays if it was used within the latest so many calls for each that is kept: making one costs several."""
MOST_FORMS = 1000
"""Forms of arguments that are counted."""


class Replays:
    """The replays of some functions, each for arguments of one form.

    Args:
        capture: makes a replay.
        most: replays that are kept; another takes the place of one that has not been used for long.
        after: calls of one form after which one is made, since that takes as long as three to four of them.
        largest: device → bytes that the arguments and results of all of them may have: a replay holds memory for them.
    """

    def __init__(
        self,
        capture: Capture,
        most: int = 8,
        after: int = 3,
        largest: Callable[[torch.device], int] = eighth_of_memory,
    ) -> None:
        self.capture, self.most, self.after, self.largest = capture, most, after, largest
        self.kept: OrderedDict[Hashable, Function] = OrderedDict()
        self.seen: Counter[Hashable] = Counter()
        self.refused: set[Hashable] = set()
        self.calls = 0
        self.used: dict[Hashable, int] = {}
        """The latest call of each that is kept."""
        self.lock = threading.Lock()

    def results(
        self, key: Hashable, tensors: Sequence[Tensor], function: Function, without_waiting: Function | None = None
    ) -> Sequence[Tensor]:
        """The function's results: by a replay once enough calls of this form have been seen.

        Args:
            key: says, with the tensors' form, which function this is.
            tensors: its arguments.
            function: what is to be computed.
            without_waiting: gives the same wherever its results are finite; None where the function never waits.
        """
        precision = torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()
        key = (key, precision, *((tuple(x.shape), x.stride(), x.dtype, x.device) for x in tensors))
        if not self.lock.acquire(blocking=False):  # another thread uses a replay's memory, or makes one
            return function(tensors)
        try:
            self.calls += 1
            if key in self.kept:
                self.kept.move_to_end(key)
                self.used[key] = self.calls
                made = self.kept[key](tensors)
                return made if without_waiting is None or are_finite(made) else function(tensors)
            made = function(tensors)
            if self.seen[key] >= self.after and key not in self.refused:
                self._make(key, tensors, without_waiting or function, made)
            if len(self.seen) > MOST_FORMS:
                self.seen.clear()
                self.refused.clear()
            self.seen[key] += 1
            return made
        finally:
            self.lock.release()

    def _make(self, key: Hashable, tensors: Sequence[Tensor], function: Function, made: Sequence[Tensor]) -> None:
        """Keep a replay that gives exactly what was `made`, if there is one."""
        largest = self.largest(made[0].device) // self.most
        if sum(x.nbytes for x in (*tensors, *made)) > largest or not are_finite(made):
            return
        oldest = next(iter(self.kept)) if len(self.kept) == self.most else None
        if oldest is not None and self.calls - self.used[oldest] < RECENT * self.most:
            return
        try:
            replay = self.capture(function, tensors)
            same = all(torch.equal(one, other) for one, other in zip(replay(tensors), made, strict=True))
        except RuntimeError:  # a cell of somebody's own may wait for the device
            same = False
        if not same:
            self.refused.add(key)
            return
        if oldest is not None:
            del self.kept[oldest], self.used[oldest]
        self.kept[key], self.used[key] = replay, self.calls


def are_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether all numbers are finite: one question to the device."""
    return bool(torch.stack([x.isfinite().all() for x in tensors]).all())
