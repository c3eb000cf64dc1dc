"""The socket that answers a drag: what it refuses, and that a refusal ends nothing else."""

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.live import LARGEST_QUESTION, frame

QUESTION = {"lab": "explore", "state": {"hidden_size": 4, "seq_len": 10}, "charts": ["profile"], "words": True}


@pytest.fixture
def address(app_url: str) -> str:
    return f"{app_url.replace('http', 'ws')}/live"


def answer(socket: ClientConnection, question: object) -> dict:
    socket.send(question if isinstance(question, str) else json.dumps(question))
    return json.loads(socket.recv(timeout=60))


def test_a_question_is_answered_with_the_charts_and_the_words(address, app_url):
    with connect(address, origin=app_url) as socket:
        said = answer(socket, QUESTION)
    assert list(said["charts"]) == ["profile"]
    assert said["charts"]["profile"]["alt"]
    assert "Elman" in said["words"]


def test_a_page_of_another_site_is_refused(address):
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        connect(address, origin="https://elsewhere.example") as socket,
    ):
        answer(socket, QUESTION)


MALFORMED = [
    "",
    "not JSON",
    "[]",
    "null",
    "{}",
    {**QUESTION, "lab": "nowhere"},
    {**QUESTION, "lab": ["explore"]},
    {**QUESTION, "state": 7},
    {**QUESTION, "charts": None},
    {"lab": "explore", "state": {}, "charts": []},
    "[" * 20_000,
    json.dumps({**QUESTION, "more": "x" * LARGEST_QUESTION}),
]


@pytest.mark.parametrize("question", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_question_is_one_sentence_and_the_next_one_is_answered(address, app_url, question):
    with connect(address, origin=app_url) as socket:
        refused = answer(socket, question)
        assert list(refused) == ["error"]
        assert refused["error"].endswith(".")
        assert "charts" in answer(socket, QUESTION)


TAMPERED = {
    "hidden_size": [0, 513, 1e9, "64; rm", None, [64], {"a": 1}, True],
    "seq_len": [-1, 10**9, "nan", "inf"],
    "cells": [["transformer"], "lstm", [["lstm"]], 5],
    "task": ["../../etc/passwd", 3],
    "text_file": ["/etc/passwd"],
    "largest_singular_value": ["-1", 1e308, "1e999"],
    "singular_values": ["1,2,nan", "1," * 600, "-1"],
    "spectrum_blocks": ["q", [["f"]]],
    "panel": ["__class__"],
    "no_such_setting": [1],
}
CASES = [(name, value) for name, values in TAMPERED.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}-{k}" for k, (name, _) in enumerate(CASES)])
def test_a_tampered_value_is_refused_by_its_name_or_read_as_what_it_says(name, value):
    reply = json.loads(frame(json.dumps({**QUESTION, "state": {**QUESTION["state"], name: value}})))
    if "error" in reply:
        assert name in reply["error"]
        assert "\n" not in reply["error"]
    else:
        assert (name, value) in (("hidden_size", [64]), ("cells", "lstm")), "a list of one is that one"


def test_a_pinned_state_is_checked_like_the_present_one():
    reply = json.loads(frame(json.dumps({**QUESTION, "state": {"pinned": {"hidden_size": -3}}})))
    assert "hidden_size" in reply["error"]
