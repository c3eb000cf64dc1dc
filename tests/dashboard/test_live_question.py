"""What a drag's socket answers, without a server: every malformed question in a sentence, a good one with charts."""

import json
import logging

import pytest

from dashboard.server import live_question
from dashboard.server.live_question import FAILED, LARGEST_QUESTION, MOST_CHARTS, answer_question

QUESTION = {"lab": "explore", "state": {"hidden_size": 4, "seq_len": 10}, "charts": ["profile"], "words": True}


def answer(question: object) -> dict:
    return json.loads(answer_question(question if isinstance(question, str | bytes) else json.dumps(question)))


def test_a_question_is_answered_with_its_charts_and_words():
    said = answer({**QUESTION, "charts": ["profile", "wave", "no such chart"]})
    assert list(said["charts"]) == ["profile", "wave"]
    assert "Elman" in said["words"]
    assert answer({**QUESTION, "charts": [], "words": False}) == {"charts": {}, "words": None}


MALFORMED = [
    "", "not JSON", "[]", "null", "{}", "NaN", "1e999", b"\x00\xff", "\ud800".encode("utf-8", "surrogatepass"),
    {**QUESTION, "lab": "nowhere"}, {**QUESTION, "lab": ["explore"]}, {**QUESTION, "lab": None},
    {**QUESTION, "state": 7}, {**QUESTION, "state": None}, {**QUESTION, "state": [["seed", 1]]},
    {**QUESTION, "charts": None}, {**QUESTION, "charts": "profile"}, {**QUESTION, "charts": {"profile": 1}},
    {**QUESTION, "charts": [["profile"]]}, {**QUESTION, "charts": [{"a": 1}]}, {**QUESTION, "charts": [None]},
    {**QUESTION, "charts": ["profile", "profile"]}, {**QUESTION, "charts": ["profile"] * 5000},
    {**QUESTION, "charts": [str(k) for k in range(MOST_CHARTS + 1)]},
    {**QUESTION, "words": "yes"}, {**QUESTION, "words": None}, {"lab": "explore", "state": {}, "charts": []},
    "[" * 20_000, '{"state":' * 5000, json.dumps({**QUESTION, "more": "x" * LARGEST_QUESTION}),
]  # fmt: skip


@pytest.mark.parametrize("question", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_question_is_one_sentence(question):
    refused = answer(question)
    assert list(refused) == ["error"]
    assert refused["error"].endswith(".")
    assert "\n" not in refused["error"]


TAMPERED = {
    "hidden_size": [0, 513, 1e9, "64; rm", None, [64], {"a": 1}, True, 10**30],
    "seq_len": [-1, 10**9, "nan", "inf", "9" * 5000],
    "cells": [[], "", ["transformer"], [["lstm"]], 5, ["lstm"] * 3, {"lstm": 1}],
    "task": ["../../etc/passwd", 3],
    "text_file": ["/etc/passwd", "/dev/zero", "", ["hello"]],
    "largest_singular_value": ["-1", 1e308, "1e999"],
    "singular_values": ["1,2,nan", "1," * 600, "-1", [1, 2], ",", 7],
    "spectrum_blocks": ["q", [["f"]]],
    "panel": ["__class__", None],
    "no_such_setting": [1],
    "pinned": [5, "x", [], {"hidden_size": -3}, {"pinned": {}}],
}
CASES = [(name, value) for name, values in TAMPERED.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}-{k}" for k, (name, _) in enumerate(CASES)])
def test_a_tampered_value_is_refused_in_a_sentence_with_its_name(name, value):
    reply = answer({**QUESTION, "state": {**QUESTION["state"], name: value}})
    assert list(reply) == ["error"]
    expected = next(iter(value)) if name == "pinned" and isinstance(value, dict) else name
    assert expected in reply["error"]
    assert "\n" not in reply["error"]
    assert len(reply["error"]) < 400


def test_a_failure_of_the_code_is_one_sentence_and_its_traceback_stays_in_the_terminal(monkeypatch, caplog):
    def fail(values: object) -> None:
        raise ZeroDivisionError("/home/me/secret")

    monkeypatch.setattr(live_question, "labs", lambda: {"explore": fail})
    with caplog.at_level(logging.ERROR):
        assert answer(QUESTION) == {"error": FAILED}
    assert "ZeroDivisionError" in caplog.text
