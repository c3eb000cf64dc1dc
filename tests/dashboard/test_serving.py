"""Whose server this is: the start-up switch decides, then the address; never what a browser claims."""

import pytest
import streamlit as st
from coroutines import run_coroutine
from starlette.requests import Request
from starlette.routing import Route

from dashboard.server import serving
from dashboard.server.live import routes


@pytest.fixture
def address(monkeypatch):
    monkeypatch.delenv(serving.SHARED_VARIABLE, raising=False)
    monkeypatch.delenv(serving.WORKERS_VARIABLE, raising=False)

    def listen(address: str | None) -> None:
        monkeypatch.setattr(st, "get_option", lambda name: address)

    return listen


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost", "[::1]:8501", "LOCALHOST:8501"])
def test_a_loopback_server_asked_directly_is_one_persons(address, host):
    address("127.0.0.1")
    assert serving.is_personal({"Host": host})


@pytest.mark.parametrize("listens", ["0.0.0.0", "::", "192.0.2.7", "", None])
def test_a_server_that_listens_beyond_this_machine_is_shared(address, listens):
    address(listens)
    assert not serving.is_personal({"Host": "127.0.0.1:8501"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "lab.example.org"},
        {"Host": "127.0.0.1:8501", "X-Forwarded-For": "192.0.2.7"},
        {"host": "localhost:8501", "forwarded": "for=192.0.2.7"},
        {"host": "localhost.example.org:8501"},
        {"host": "", "via": "1.1 proxy"},
    ],
)
def test_a_request_through_a_proxy_is_nobodys(address, headers):
    address("127.0.0.1")
    assert not serving.is_personal(headers)


@pytest.mark.parametrize(("switch", "personal"), [("1", False), ("0", True), ("true", False), ("typo", False)])
@pytest.mark.parametrize("listens", ["127.0.0.1", "0.0.0.0"])
def test_the_switch_decides_where_it_is_set_and_a_typo_shares(address, monkeypatch, switch, personal, listens):
    address(listens)
    monkeypatch.setenv(serving.SHARED_VARIABLE, switch)
    assert serving.is_personal({"Host": "lab.example.org"}) is personal


@pytest.mark.parametrize("wanted", ["", "0", "-1", "many", "100000"])
def test_workers_are_at_least_one_and_at_most_the_cores(address, monkeypatch, wanted):
    monkeypatch.setenv(serving.WORKERS_VARIABLE, wanted)
    monkeypatch.setattr(serving.os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    assert serving.workers() == 2


@pytest.mark.parametrize(("base", "asked"), [("", "/explore"), ("lab", "/lab/explore")])
def test_the_address_explore_leads_to_the_first_page_with_its_settings(monkeypatch, base, asked):
    monkeypatch.setattr(st, "get_option", lambda _: base)
    (route,) = (route for route in routes() if isinstance(route, Route) and route.path == asked)
    scope = {"type": "http", "path": asked, "query_string": b"cells=gru&seq_len=50", "headers": []}
    answer = run_coroutine(route.endpoint(Request(scope)))
    assert answer.status_code == 307
    assert answer.headers["location"] == "./?cells=gru&seq_len=50"
