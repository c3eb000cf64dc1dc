"""Who computes next: so many at a time, and of those who wait, one of each client in turn."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A semaphore that is fair between clients: a client with a hundred questions waits behind one with a single one.

    For one event loop; not for threads.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Client → its questions in their order; the client whose turn is next comes first."""

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for this client's turn, and pass it on at the end."""
        await self._take(client)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, client: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # it came just as it was no longer wanted
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            client, questions = self._waiting.popitem(last=False)
            turn = questions.popleft()
            if questions:
                self._waiting[client] = questions  # behind all other clients
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
