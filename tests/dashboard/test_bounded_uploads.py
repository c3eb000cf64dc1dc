"""Streamlit's route for files: it holds in memory what it takes, so nobody may fill the server's memory by it."""

import pytest
from coroutines import run_coroutine
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from dashboard.server import live
from dashboard.server.bounded_uploads import LARGEST_UPLOAD, MOST_AT_ONCE, MOST_HELD, MOST_OF_ONE, BoundedUploads

PATH = "/_stcore/upload_file/session/file"


async def keep(request: Request) -> PlainTextResponse:
    try:
        return PlainTextResponse(f"kept {len(await request.body())}")
    except ClientDisconnect:
        return PlainTextResponse("left", 400)


APP = Starlette(routes=[Route("/{path:path}", keep, methods=["PUT", "POST", "DELETE"])])


class Held:
    """What a server holds."""

    def __init__(self, files: int = 0, size: int = 0) -> None:
        self.files, self.size = files, size

    def files_of(self, session: str) -> int:
        return self.files if session == "session" else 0

    def total(self) -> int:
        return self.size


def answer(app, method: str = "PUT", path: str = PATH, length: str | None = "1000", body: bytes = b"x" * 1000):
    """Status and body of the answer, and whether the body was asked for."""
    headers = [(b"host", b"127.0.0.1")]
    if length is not None:
        headers.append((b"content-length", length.encode()))
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    sent: list[Message] = []
    asked = []

    async def receive() -> Message:
        asked.append(True)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    run_coroutine(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"], bool(asked)


@pytest.mark.parametrize("base", ["", "/under"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_file_too_large_is_refused_before_its_body_is_read_under_any_address(base, method):
    app = Starlette(routes=APP.routes, middleware=live.doors())
    too_large = str(LARGEST_UPLOAD + 2**17)
    assert answer(app, method, base + PATH, too_large) == (
        413,
        b"The file is too large; at most 64 MiB are taken.\n",
        False,
    )
    assert answer(app, method, base + PATH)[:2] == (200, b"kept 1000")
    assert answer(app, method, f"{base}/_stcore/other", too_large)[0] == 200, "no other route is concerned"


@pytest.mark.parametrize("length", [None, "", "-1", "1e3", "9" * 30])
def test_a_file_of_no_length_is_refused(length):
    assert answer(BoundedUploads(APP, Held()), length=length) == (411, b"A file must say its length.\n", False)


def test_a_body_longer_than_it_says_is_not_taken():
    assert answer(BoundedUploads(APP, Held()), length="999")[:2] == (400, b"left")


@pytest.mark.parametrize("held", [Held(files=MOST_OF_ONE), Held(size=MOST_HELD)])
def test_no_more_is_held_than_the_server_has_room_for(held):
    assert answer(BoundedUploads(APP, held)) == (503, b"Other files are being read; try again in a minute.\n", False)
    assert answer(BoundedUploads(APP, held), "DELETE")[0] == 200, "what is held can be let go"


def test_only_so_many_files_come_in_at_once():
    seen = []

    async def slow(scope, receive, send):
        """While one file comes in, the next one does."""
        seen.append(scope)
        if len(seen) <= MOST_AT_ONCE:
            await door(scope, receive, send)
        else:
            await APP(scope, receive, send)

    door = BoundedUploads(slow, Held())
    assert answer(door)[0] == 503
    assert len(seen) == MOST_AT_ONCE
    seen.extend([None] * MOST_AT_ONCE)
    assert answer(door)[0] == 200, "those that ended are not counted"
