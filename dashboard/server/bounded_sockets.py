"""How many sockets a server holds, and how much may come in by one, the pages' and the drag's."""

import asyncio
import time
from collections import Counter

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from websockets.exceptions import ProtocolError
from websockets.frames import Frame

MOST_SOCKETS = 512
"""Sockets in all; a page has two, Streamlit's and the one that answers a drag."""
MOST_SOCKETS_OF_ONE = 128
"""The same of one client's address: a class behind one proxy, with two pages each."""
LONGEST_MESSAGE = 2**20
"""Bytes of a message: a spectrum of 512 values and all that a browser knows of a page is a tenth of it."""
MOST_FRAMES = 1000
"""Frames that may come in by a socket at once: a browser sends a message as one, or a long one as a few."""
FRAMES_A_SECOND = 100.0
"""How fast they may come for long; a drag asks thirty times a second."""

PAGES = "/_stcore/stream"
"""End of the path of the pages' socket, Streamlit's."""
MOST_RERUNS = 30
"""Messages of a page that are taken at once: each runs its script, and a hand sends a few."""
RERUNS_A_SECOND = 5.0
"""How fast more of them are taken: 300 at once kept another visitor waiting for 18 s."""

TOO_MANY = "Too many pages are open here; close some of them.\n"


class BoundedSockets:
    """Answers 503 to a socket too many; closes one whose message grows too long before it is held, or that floods."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: Counter[str] = Counter()
        """Client's address → its sockets."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        client = scope["client"][0] if scope.get("client") else ""
        if self._open.total() >= MOST_SOCKETS or self._open[client] >= MOST_SOCKETS_OF_ONE:
            await PlainTextResponse(TOO_MANY, 503)(scope, receive, send)
            return
        limit_messages(receive, LONGEST_MESSAGE)
        limit_frames(receive)
        self._open[client] += 1
        try:
            await self._app(scope, pace_reruns(receive) if scope["path"].endswith(PAGES) else receive, send)
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]


def limit_messages(receive: Receive, longest: int) -> None:
    """Let the server close this socket as soon as a message grows longer than so many bytes.

    Uvicorn has one limit for what comes in and what goes out by all sockets, and none that an application could set.
    Where its protocol is another one some day, that limit holds, and a message is measured when it has arrived.
    """
    connection = getattr(getattr(receive, "__self__", None), "conn", None)
    if connection is not None and hasattr(connection, "max_message_size"):
        connection.max_message_size = longest


def limit_frames(receive: Receive) -> None:
    """Let the server close this socket once more frames come in than a browser would send.

    A frame may be a ping, or an empty part of a message that never ends. No message's length bounds those: ten sockets
    that sent nothing else kept everybody waiting. Should uvicorn have another protocol some day, no frame is counted.
    """
    connection = getattr(getattr(receive, "__self__", None), "conn", None)
    take = getattr(connection, "recv_frame", None)
    if connection is None or take is None:
        return
    left, last = float(MOST_FRAMES), time.monotonic()

    def take_one(frame: Frame) -> None:
        nonlocal left, last
        now = time.monotonic()
        left, last = min(left + (now - last) * FRAMES_A_SECOND, float(MOST_FRAMES)) - 1, now
        if left < 0:
            raise ProtocolError("too many frames")
        take(frame)

    connection.recv_frame = take_one


def pace_reruns(receive: Receive) -> Receive:
    """The same messages of a page; once too many have come, each waits until a person could have sent it."""
    left, last = float(MOST_RERUNS), time.monotonic()

    async def receive_in_pace() -> Message:
        nonlocal left, last
        message = await receive()
        if message["type"] == "websocket.receive":
            now = time.monotonic()
            left, last = min(left + (now - last) * RERUNS_A_SECOND, float(MOST_RERUNS)) - 1, now
            if left < 0:
                await asyncio.sleep(-left / RERUNS_A_SECOND)
        return message

    return receive_in_pace


def drop_connection(receive: Receive) -> None:
    """End a socket whose reader does not read, with what still waits for it; to close one would wait for the reader."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None and hasattr(transport, "abort"):
        transport.abort()
