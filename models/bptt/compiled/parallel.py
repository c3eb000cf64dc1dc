"""Samples of a batch do not see each other: each core takes some of them through the whole sequence."""

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Result = TypeVar("Result")

SMALLEST_PART = 8
"""Samples per core, at least: a matrix product of fewer rows is not worth a core."""
SMALLEST_WORK = 4 * 10**7
"""Multiplications in all, about 1 ms: with fewer, a thread costs more than it saves."""


@functools.cache
def helpers() -> ThreadPoolExecutor:
    """Threads that wait for a share, those of all callers: to begin one takes longer than to wake it."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="over_batch")


def over_batch(part: Callable[[int, int], Result], batch_size: int, work: int) -> list[Result]:
    """Call part(first, last) for every share of the batch, on as many threads as torch has; results in batch order.

    A share that no other thread has begun in the meantime, since all cores are busy, is computed by this one.
    """
    count = max(1, min(torch.get_num_threads(), batch_size // SMALLEST_PART)) if work > SMALLEST_WORK else 1
    if count == 1:
        return [part(0, batch_size)]
    edges = [batch_size * k // count for k in range(count + 1)]
    shares = list(itertools.pairwise(edges))
    jobs = [helpers().submit(part, *share) for share in shares[1:]]
    try:
        done = [part(*shares[0])]
        done += [part(*share) if job.cancel() else job.result() for share, job in zip(shares[1:], jobs, strict=True)]
        return done
    finally:  # after an error, too, nothing goes on in memory that the caller has back
        for job in jobs:
            if not job.cancel():
                job.exception()
