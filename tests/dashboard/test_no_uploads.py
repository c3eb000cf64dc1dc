"""Streamlit's route for files: no page has a field for one, so nobody may fill the server's memory by it."""

import pytest
from coroutines import run_coroutine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from dashboard.server import live


async def keep(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"kept {len(await request.body())}")


def answer(method: str, path: str) -> tuple[int, bytes]:
    """Status and body of what the app's doors let through to a route that takes anything."""
    app = Starlette(routes=[Route("/{path:path}", keep, methods=[method])], middleware=live.doors())
    headers = [(b"host", b"127.0.0.1")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 1000, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    run_coroutine(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("base", ["", "/under"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_a_file_is_refused_under_any_address_of_the_server(base, method):
    status, body = answer(method, f"{base}/_stcore/upload_file/session/file")
    assert status == 403
    assert b"no files" in body
    assert answer(method, f"{base}/_stcore/other") == (200, b"kept 1000")
