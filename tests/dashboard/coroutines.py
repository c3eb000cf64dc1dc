"""Coroutines in tests: a browser test that ran before in this process may have left its own event loop running."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def run_coroutine(coroutine: Coroutine[object, object, Result]) -> Result:
    """What the coroutine returns, from an event loop of its own in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
