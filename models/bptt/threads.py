"""The number of cores that one computation uses."""

import functools
import sys

import torch
from threadpoolctl import threadpool_limits


def use_one_thread() -> None:
    """Make torch and BLAS use one thread in this process; numpy and scipy multiply by BLAS.

    Everything here is a chain of small steps. Two threads wait for each other after each of them, and where another
    process has one of the cores they wait very long: 300 QR decompositions of 128 × 128 took 18.4 s instead of 0.2 s.
    `torch.set_num_threads` alone leaves numpy's and scipy's BLAS as they are.
    """
    torch.set_num_threads(1)
    limit_blas(len(sys.modules))  # scipy brings a BLAS of its own when it is imported


@functools.lru_cache(maxsize=1)
def limit_blas(modules: int) -> None:
    """Make every BLAS use one thread, once for each number of imported modules: looking for them takes .3 to 3 ms."""
    threadpool_limits(1, user_api="blas")
