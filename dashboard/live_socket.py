"""The socket that answers a drag, one for each page; what one client may hold and ask of it is bounded."""

import asyncio
from collections import Counter

import anyio.to_thread
import orjson
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.live_question import FORM, LARGEST_QUESTION, answer_question
from dashboard.turns import Turns

AT_ONCE = 2
"""Questions that are computed at the same time; others wait. More would only take each other's cores."""
MOST_SOCKETS = 256
"""Pages that are answered. Each has at most one question that waits or is computed: its next one is read later."""
MOST_SOCKETS_OF_ONE = 64
"""The same of one client's address: a class behind one proxy, with two pages each."""
SENDING_SECONDS = 20.0
"""How long an answer may take on its way before its reader is given up."""

TOO_MANY = "Too many pages are open; close some of them. Pages work without this socket, too, but follow no drag.\n"
NO_TEXT = orjson.dumps({"error": f"The message was binary. {FORM}"}).decode()


class LiveSocket:
    """Answers the questions of each socket in their order, and those of several clients in turn."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE)
        self._sockets: Counter[str] = Counter()
        """Client's address → its sockets."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one page until it is left."""
        client = scope["client"][0] if scope.get("client") else ""
        if self._sockets.total() >= MOST_SOCKETS or self._sockets[client] >= MOST_SOCKETS_OF_ONE:
            await PlainTextResponse(TOO_MANY, 503)(scope, receive, send)
            return
        self._sockets[client] += 1
        try:
            limit_messages(receive)
            await self._answer(WebSocket(scope, receive, send), client)
        except (WebSocketDisconnect, TimeoutError):
            pass  # the page was left, or does not read
        finally:
            self._sockets[client] -= 1
            if not self._sockets[client]:
                del self._sockets[client]

    async def _answer(self, socket: WebSocket, client: str) -> None:
        await socket.accept()
        while True:
            text = message_text(await socket.receive())
            if text is None:
                reply = NO_TEXT
            else:
                async with self._turns.turn(client):
                    reply = (await anyio.to_thread.run_sync(answer_question, text)).decode()
            async with asyncio.timeout(SENDING_SECONDS):
                await socket.send_text(reply)


def message_text(message: Message) -> str | None:
    """A message's text; None for a binary one.

    Raises:
        WebSocketDisconnect: the page was left.
    """
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    text: str | None = message.get("text")
    return text


def limit_messages(receive: Receive) -> None:
    """Let the server close this socket as soon as a message grows longer than any question, before it is held.

    Uvicorn has one limit for all sockets, that of the pages' own messages, and none that a route could set. Where its
    protocol is another one some day, that limit holds, and a question is measured when it has arrived.
    """
    connection = getattr(getattr(receive, "__self__", None), "conn", None)
    if connection is not None and hasattr(connection, "max_message_size"):
        connection.max_message_size = LARGEST_QUESTION
