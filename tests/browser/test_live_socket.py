"""The sockets of a real server: what they refuse, that a refusal ends nothing else, that nobody holds up others."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from socket import create_connection

import pytest
from forging import Visitor
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from dashboard.server.bounded_sockets import LONGEST_MESSAGE, MOST_SOCKETS_OF_ONE
from dashboard.server.live_question import LARGEST_QUESTION

QUESTION = {"lab": "explore", "state": {"hidden_size": 4, "seq_len": 10}, "charts": ["profile"], "words": True}
PILE = 15
"""Questions that one socket sends at once."""
PATHS = ("/live", "/_stcore/stream")


@pytest.fixture
def address(app_url: str) -> str:
    return f"{app_url.replace('http', 'ws')}/live"


def answer(socket: ClientConnection, question: object) -> dict:
    socket.send(question if isinstance(question, str | bytes) else json.dumps(question))
    return json.loads(socket.recv(timeout=60))


def test_a_question_is_answered_with_the_charts_and_the_words(address, app_url):
    with connect(address, origin=app_url) as socket:
        said = answer(socket, QUESTION)
    assert list(said["charts"]) == ["profile"]
    assert said["charts"]["profile"]["alt"]
    assert "Elman" in said["words"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["https://elsewhere.example", "http://[", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_site_opens_neither_socket(app_url, path, origin):
    address = f"{app_url.replace('http', 'ws')}{path}"
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, origin=Origin(origin), subprotocols=[Subprotocol("streamlit")]),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_name_that_points_here_opens_neither_socket(app_url, path):
    """DNS rebinding: the page and the host that it asks agree."""
    port = int(app_url.rpartition(":")[2])
    name = f"rebound.example:{port}"
    with (
        create_connection(("127.0.0.1", port)) as sock,
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://{name}{path}", sock=sock, origin=Origin(f"http://{name}")),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_the_names_of_this_machine_open_both_sockets(app_url):
    port = app_url.rpartition(":")[2]
    url = f"http://localhost:{port}"
    with connect(f"ws://127.0.0.1:{port}/live", origin=Origin(app_url)) as socket:
        assert "charts" in answer(socket, QUESTION)
    with Visitor(url, query="?hidden_size=4&seq_len=10") as visitor:
        assert "profile" in visitor.rerun().pictures


MALFORMED = [
    "",
    "not JSON",
    b"\x00\xff",
    "NaN",
    "[" * 20_000,
    {**QUESTION, "lab": "nowhere"},
    {**QUESTION, "state": {"cells": []}},
    {**QUESTION, "charts": ["profile"] * 5000},
    {**QUESTION, "charts": [["profile"]]},
]


@pytest.mark.parametrize("question", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_question_is_one_sentence_and_the_next_one_is_answered(address, app_url, question):
    with connect(address, origin=app_url) as socket:
        refused = answer(socket, question)
        assert list(refused) == ["error"]
        assert refused["error"].endswith(".")
        assert "charts" in answer(socket, QUESTION)


@pytest.mark.parametrize(("path", "size"), [(PATHS[0], LARGEST_QUESTION + 1), (PATHS[0], 2**23), (PATHS[1], 2**23)])
def test_a_message_that_is_too_long_closes_its_socket_before_its_turn(address, app_url, path, size):
    assert size > (LARGEST_QUESTION if path == PATHS[0] else LONGEST_MESSAGE)
    with connect(f"{app_url.replace('http', 'ws')}{path}", origin=Origin(app_url)) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            answer(socket, "x" * size)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    with connect(address, origin=app_url) as other:
        assert "charts" in answer(other, QUESTION)


def test_one_client_holds_so_many_sockets_and_no_more(address, app_url):
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(address, origin=app_url)) for _ in range(MOST_SOCKETS_OF_ONE // 2)]
        with pytest.raises(InvalidStatus) as refused:
            sockets += [stack.enter_context(connect(address, origin=app_url)) for _ in range(MOST_SOCKETS_OF_ONE)]
        assert refused.value.response.status_code == 503
        assert "charts" in answer(sockets[0], QUESTION)
    with connect(address, origin=app_url) as socket:
        assert "charts" in answer(socket, QUESTION)


def test_questions_that_are_piled_up_on_one_socket_hold_up_nobody(address, app_url):
    slow = {**QUESTION, "state": {"seq_len": 300, "cells": ["lstm"]}, "charts": ["profile"]}
    with connect(address, origin=app_url) as flood, connect(address, origin=app_url) as page:
        for k in range(PILE):
            flood.send(json.dumps({**slow, "state": {**slow["state"], "seed": 1000 + k}}))
        assert "charts" in answer(page, QUESTION)
        with ThreadPoolExecutor(1) as pool:
            answered = pool.submit(lambda: sum("charts" in json.loads(flood.recv(timeout=60)) for _ in range(PILE)))
            assert "charts" in answer(page, QUESTION)
            assert not answered.done()
            assert answered.result() == PILE


def test_a_page_that_never_reads_its_answers_holds_up_nobody(address, app_url):
    with (
        connect(address, origin=app_url, max_queue=1, close_timeout=0.1) as deaf,
        connect(address, origin=app_url) as page,
    ):
        for _ in range(40):
            deaf.send(json.dumps(QUESTION))
        for _ in range(3):
            assert "charts" in answer(page, QUESTION)
