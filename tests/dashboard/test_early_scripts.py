"""The page itself asks for what its first chart needs; every other answer stays what it is."""

import asyncio
import re

import pytest
from coroutines import run_coroutine
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message

from dashboard.server import live
from dashboard.server.early_scripts import TAGS, EarlyScripts

PAGE = "<html><head><title>ü</title></head><body></body></html>"


def answer(app: ASGIApp, method: str = "GET", path: str = "/", query: str = "") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what an app answers."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()  # the browser says no more
        raise AssertionError

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": query.encode()}
    run_coroutine(app({**scope, "client": ("127.0.0.1", 1)}, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


def test_a_page_has_the_tags_at_the_end_of_its_head_and_says_its_new_length():
    page = HTMLResponse(PAGE, headers={"etag": '"file"', "last-modified": "yesterday", "x-own": "1"})
    _, headers, body = answer(EarlyScripts(page))
    assert body == PAGE.encode().replace(b"</head>", TAGS + b"</head>")
    assert headers == {"content-length": str(len(body)), "content-type": "text/html; charset=utf-8", "x-own": "1"}


OTHERS = {
    "a script": Response(PAGE, media_type="text/javascript"),
    "compressed": HTMLResponse(PAGE, headers={"content-encoding": "gzip"}),
    "an error": HTMLResponse(PAGE, 404),
}


@pytest.mark.parametrize("response", OTHERS.values(), ids=OTHERS)
def test_another_answer_stays_as_it_is(response):
    _, headers, body = answer(EarlyScripts(response))
    assert body == PAGE.encode()
    assert int(headers["content-length"]) == len(body)
    assert TAGS not in answer(EarlyScripts(HTMLResponse(PAGE)), "HEAD")[2]


def test_this_server_has_every_file_that_the_tags_name():
    app = Starlette(routes=live.routes())
    for path in re.findall(r'(?:href|src)="\./([^"]+)"', TAGS.decode()):
        address, _, query = path.partition("?")
        assert answer(app, path=f"/{address}", query=query)[0] == 200, path
