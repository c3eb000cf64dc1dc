"""Whose requests are answered: `Host` must be a name of this server's, and `Origin` a page of it."""

import pytest
import streamlit as st
from coroutines import run_coroutine

from dashboard.server.own_names import FOREIGN_NAME, FOREIGN_PAGE, OwnNames, is_own_host, is_own_origin, refusal


@pytest.fixture
def options(monkeypatch):
    values = {
        "server.address": "127.0.0.1", "server.allowedHosts": [], "browser.serverAddress": "localhost",
        "server.corsAllowedOrigins": [],
    }  # fmt: skip
    monkeypatch.setattr(st, "get_option", values.__getitem__)
    monkeypatch.setattr("socket.gethostname", lambda: "Teachers-Laptop")
    return values


LOOPBACK = ["127.0.0.1", "127.0.0.1:8501", "localhost:8501", "LOCALHOST", "localhost.:80", "[::1]:8501", "[::1]"]
MALFORMED = [
    "",
    ":8501",
    "a@localhost",
    "localhost/x",
    "localhost:x",
    "localhost:99999",
    "[",
    "[::1",
    "a?b",
    "a#b",
    " ",
]
FOREIGN = ["rebound.example:8501", "localhost.rebound.example", "127.0.0.1.rebound.example", "notlocalhost"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_loopback_server_is_every_loopback_name(options, host):
    assert is_own_host([host])


@pytest.mark.parametrize("host", [*FOREIGN, *MALFORMED, "192.0.2.7:8501", "teachers-laptop"])
def test_a_loopback_server_is_no_other_name(options, host):
    assert not is_own_host([host])


@pytest.mark.parametrize("host", [*LOOPBACK, "192.0.2.7:8501", "[2001:db8::7]:8501", "teachers-laptop:8501",
                                  "teachers-laptop.local"])  # fmt: skip
def test_a_server_for_others_is_also_any_number_and_the_machines_name(options, host):
    options["server.address"] = "0.0.0.0"
    assert is_own_host([host])
    assert not any(is_own_host([other]) for other in [*FOREIGN, *MALFORMED])


def test_the_names_behind_a_proxy_are_a_setting(options):
    options["server.allowedHosts"] = ["lab.example.org", "*.example.net"]
    assert is_own_host(["lab.example.org"])
    assert is_own_host(["LAB.example.org:443"])
    assert is_own_host(["a.example.net"])
    assert not is_own_host(["example.net"])
    assert not is_own_host(["badexample.net"])


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "rebound.example"]])
def test_a_request_names_one_host(options, hosts):
    assert not is_own_host(hosts)


@pytest.mark.parametrize(
    ("origins", "own"),
    [
        ([], True),
        (["http://localhost:8501"], True),
        (["https://LOCALHOST:8501"], True),
        (["http://localhost:8502"], False),
        (["http://localhost"], False),
        (["http://a@localhost:8501"], False),
        (["null"], False),
        ([""], False),
        (["http://["], False),
        (["http://localhost:8501", "http://localhost:8501"], False),
        (["https://lab.example.org"], False),
    ],
)
def test_a_socket_is_opened_by_a_page_of_the_same_host(options, origins, own):
    assert is_own_origin(origins, "localhost:8501") is own


def test_origins_may_be_listed(options):
    options["server.corsAllowedOrigins"] = ["https://lab.example.org"]
    assert is_own_origin(["https://lab.example.org"], "localhost:8501")


def request(kind: str, **headers: str) -> dict:
    return {"type": kind, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}


def test_a_picture_is_refused_by_name_only_and_a_socket_by_its_page_too(options):
    foreign = {"host": "localhost", "origin": "http://elsewhere.example"}
    assert refusal(request("http", **foreign)) is None
    assert refusal(request("websocket", **foreign)) == FOREIGN_PAGE
    assert refusal(request("http", host="elsewhere.example")) == FOREIGN_NAME


def test_what_is_no_request_passes(options):
    passed = []

    async def app(scope: dict, receive: object, send: object) -> None:
        passed.append(scope["type"])

    run_coroutine(OwnNames(app)({"type": "lifespan"}, None, None))
    assert passed == ["lifespan"]
