"""Samples of a batch do not see each other: each core takes some of them through the whole sequence."""

import threading
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

SMALLEST_PART = 8
"""Samples per core, at least: a matrix product of fewer rows is not worth a core."""
SMALLEST_WORK = 4 * 10**7
"""Multiplications in all, about 1 ms: with fewer, a thread costs more than it saves."""


def over_batch(part: Callable[[int, int], Result], batch_size: int, work: int) -> list[Result]:
    """Call part(first, last) for every share of the batch, on as many threads as torch has; results in batch order."""
    count = max(1, min(torch.get_num_threads(), batch_size // SMALLEST_PART)) if work > SMALLEST_WORK else 1
    edges = [batch_size * k // count for k in range(count + 1)]
    results: list[Result | BaseException] = [RuntimeError("not run")] * count

    def run(k: int) -> None:
        try:
            results[k] = part(edges[k], edges[k + 1])
        except BaseException as error:  # raised again below, in the caller's thread
            results[k] = error

    threads = [threading.Thread(target=run, args=(k,), daemon=True) for k in range(1, count)]
    for thread in threads:
        thread.start()
    run(0)
    for thread in threads:
        thread.join()
    done: list[Result] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done
