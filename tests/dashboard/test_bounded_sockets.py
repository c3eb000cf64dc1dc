"""A small server of its own: sockets too many are refused, and a reader who does not read is dropped."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest
import uvicorn
from coroutines import run_coroutine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dashboard.server import bounded_sockets, live_socket
from dashboard.server.bounded_sockets import MOST_FRAMES, MOST_RERUNS, RERUNS_A_SECOND, BoundedSockets, pace_reruns
from dashboard.server.live_socket import LiveSocket

QUESTION = json.dumps({"lab": "big", "state": {}, "charts": [], "words": False})


@pytest.fixture
def served(monkeypatch) -> Iterator[tuple[uvicorn.Server, str]]:
    """The server and the address of its socket, which answers any question with 8 MB."""
    monkeypatch.setattr(live_socket, "answer_question", lambda text: b"x" * 2**23)
    monkeypatch.setattr(live_socket, "SENDING_SECONDS", 0.2)
    monkeypatch.setattr(bounded_sockets, "MOST_SOCKETS_OF_ONE", 3)
    app = Starlette(routes=[WebSocketRoute("/live", LiveSocket())], middleware=[Middleware(BoundedSockets)])
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield server, f"ws://127.0.0.1:{listening.getsockname()[1]}/live"
    server.should_exit = True
    thread.join(10)
    listening.close()


def wait_until(happened: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


HANDSHAKE = (
    "GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
ASKS = b"\x81\x82\0\0\0\0{}"
"""A frame of the text {}, masked with zeros."""


def test_a_reader_who_does_not_read_is_dropped_with_what_waits_for_it(served):
    server, address = served
    port = int(address.removesuffix("/live").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as deaf:
        deaf.sendall(HANDSHAKE.encode())
        assert b"101" in deaf.recv(64)
        deaf.sendall(ASKS * 4)
        wait_until(lambda: server.server_state.connections)
        wait_until(lambda: not server.server_state.connections)
        wait_until(lambda: not server.server_state.tasks)


def test_sockets_too_many_are_refused_until_one_is_closed(served):
    _, address = served
    with connect(address), connect(address):
        with connect(address), pytest.raises(InvalidStatus) as refused, connect(address):
            pass
        assert refused.value.response.status_code == 503
        with connect(address, max_size=None) as socket_:
            socket_.send(QUESTION)
            assert len(socket_.recv(timeout=10)) == 2**23


def test_a_message_in_many_parts_is_measured_as_a_whole(served):
    _, address = served
    with connect(address) as client:
        with suppress(ConnectionClosed):  # while it still sends
            client.send("x" * 2**14 for _ in range(100))
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


FRAMES = {"ping": b"\x89\x80\0\0\0\0", "pong": b"\x8a\x80\0\0\0\0", "empty part": b"\0\x80\0\0\0\0", "text": ASKS}


@pytest.mark.parametrize("kind", FRAMES)
def test_more_frames_than_a_browser_sends_close_their_socket(served, kind):
    """None of these is a message that is too long."""
    server, address = served
    port = int(address.removesuffix("/live").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as flood:
        flood.sendall(HANDSHAKE.encode())
        assert b"101" in flood.recv(64)
        wait_until(lambda: server.server_state.connections)
        if kind == "empty part":
            flood.sendall(b"\x01\x80\0\0\0\0")  # a text whose end is still to come
        with suppress(ConnectionError):
            flood.sendall(FRAMES[kind] * 2 * MOST_FRAMES)
        wait_until(lambda: not server.server_state.connections)


def test_as_many_frames_as_a_browser_may_send_are_taken(served):
    _, address = served
    with connect(address, max_size=None) as client:
        for _ in range(MOST_FRAMES // 2):
            client.ping()
        client.send(QUESTION)
        assert len(client.recv(timeout=10)) == 2**23


def test_messages_of_a_page_beyond_what_a_hand_sends_wait(monkeypatch):
    """By a clock of its own: 100 messages at once are taken over as many seconds as five a second need."""
    now, taken = [0.0], []

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def receive() -> dict[str, object]:
        return {"type": "websocket.receive", "bytes": b""}

    async def flood() -> None:
        paced = pace_reruns(receive)
        for _ in range(100):
            await paced()
            taken.append(now[0])

    monkeypatch.setattr(bounded_sockets, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(bounded_sockets, "asyncio", SimpleNamespace(sleep=sleep))
    run_coroutine(flood())
    assert taken[MOST_RERUNS - 1] == 0
    assert taken[-1] == pytest.approx((100 - MOST_RERUNS) / RERUNS_A_SECOND)
