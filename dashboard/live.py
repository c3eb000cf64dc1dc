"""The short way from a hand to a picture: a socket of the server that answers a drag without a rerun of the page.

A rerun of a Streamlit fragment keeps the browser busy for a quarter of a second, whatever it computes. A page whose
pictures follow from plain values is therefore also a `Lab`, a function from those values to a `Frame`: while a slider
is dragged the browser asks that function (`components/live_lab.js`), and the page reruns once, when the hand lets go.

A socket and not a request a picture: uvicorn writes an answer's head and body apart, and on a connection without
TCP_NODELAY the body then waits 40 ms for the head's acknowledgement.
"""

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio.to_thread
import orjson
import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from dashboard.frame import Lab

LARGEST_QUESTION = 64 * 2**10
"""Characters of a question: a state with 512 singular values is a sixth of it."""

FREE = asyncio.Semaphore(2)
"""Questions that are computed at the same time; others wait. More would only take each other's cores."""


@asynccontextmanager
async def warmed(app: st.App) -> AsyncIterator[dict[str, object]]:
    """Import what computes, and record the first visit's pass, while the first browser still loads its own part."""
    threading.Thread(target=warm, daemon=True).start()
    yield {}


def warm() -> None:
    """Compute what the first visit shows."""
    for draw in labs()["explore"]({}).pictures.values():
        draw()
    spare_collector()


_spared = 0
"""Modules that `spare_collector` has seen."""


def spare_collector() -> None:
    """Take what has been imported out of the garbage collector's sight, once for all new modules.

    Streamlit collects after every run of a page, with every thread waiting. Torch, numba and plotly are a million
    objects that stay: looking at them took 170 ms, longer than the run.
    """
    global _spared
    if len(sys.modules) > _spared:
        _spared = len(sys.modules)
        gc.collect()
        gc.freeze()


_IMPORTING = threading.Lock()


def labs() -> "dict[str, Lab]":
    """Every page that answers a drag, imported when it is first asked for.

    Not with this file: a server answers before torch is imported, and a browser loads meanwhile. Under a lock: two
    threads that import a package from two ends see each other's half-made modules.
    """
    with _IMPORTING:
        from dashboard.labs import LABS
    return LABS


async def answer(socket: WebSocket) -> None:
    """Answer one page's questions, each in its turn, until the page is left."""
    if not is_own_page(socket):
        await socket.close(1008, "Only pages of this server are answered.")
        return
    await socket.accept()
    try:
        while True:
            question = await socket.receive_text()
            async with FREE:
                reply = await anyio.to_thread.run_sync(frame, question)
            await socket.send_text(reply.decode())
    except WebSocketDisconnect:
        pass


def is_own_page(socket: WebSocket) -> bool:
    """Whether the page that asks came from this server: a browser lets any page open a socket anywhere."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


def frame(question: str) -> bytes:
    """The answer to a question: JSON with `charts` by their keys and `words`, or with an `error` in a sentence.

    A question is JSON, too: `lab`, its name; `state`, its values; `charts`, the keys that are wanted; `words`, whether
    those are wanted.
    """
    known = labs()
    from dashboard.components.live_chart import encode_chart
    from experiments.errors import ConfigError

    try:
        if len(question) > LARGEST_QUESTION:
            raise ValueError("too long")
        asked = orjson.loads(question)
        lab, state, charts, words = known[asked["lab"]], dict(asked["state"]), list(asked["charts"]), asked["words"]
    except (KeyError, TypeError, ValueError):
        return orjson.dumps({"error": "A question names a lab, its state, charts and whether words are wanted."})
    try:
        shown = lab(state)
        pictures = {key: shown.pictures[key]() for key in charts if key in shown.pictures}
        said = shown.words() if words else None
    except ConfigError as error:
        return orjson.dumps({"error": str(error)})
    drawn = {key: orjson.Fragment(encode_chart(p.figure, key=key, alt=p.alt)) for key, p in pictures.items()}
    return orjson.dumps({"charts": drawn, "words": said})


async def plotly_file(request: Request) -> Response:
    """The plotly.min.js of the installed package; its address carries the version, so that it never changes."""
    file = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    # Compressing it takes longer than sending it over the loopback.
    kept = {"Content-Encoding": "identity", "Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(file, media_type="text/javascript", headers=kept)


def routes() -> list[BaseRoute]:
    """The routes beside Streamlit's own, under the address where Streamlit is."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    prefix = f"/{base}/live" if base else "/live"
    return [Route(f"{prefix}/plotly.min.js", plotly_file), WebSocketRoute(prefix, answer)]
