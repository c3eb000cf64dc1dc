"""The socket that answers a drag, one for each page that is open."""

import asyncio

import anyio.to_thread
import orjson
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.server.bounded_sockets import drop_connection, limit_messages
from dashboard.server.live_question import FORM, LARGEST_QUESTION, answer_question
from dashboard.server.turns import Turns

AT_ONCE = 2
"""Questions that are computed at the same time; others wait. More would only take each other's cores."""
SENDING_SECONDS = 20.0
"""How long an answer may take on its way before its reader is given up."""

NO_TEXT = orjson.dumps({"error": f"The message was binary. {FORM}"}).decode()


class LiveSocket:
    """Answers the questions of each socket in their order, and those of several clients in turn.

    A socket has at most one question that waits or is computed: its next one is read later.
    """

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one page until it is left, or does not read."""
        limit_messages(receive, LARGEST_QUESTION)
        client = scope["client"][0] if scope.get("client") else ""
        try:
            await self._answer(WebSocket(scope, receive, send), client)
        except WebSocketDisconnect:
            pass  # the page was left
        except TimeoutError:
            drop_connection(receive)

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
