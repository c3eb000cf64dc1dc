"""The short way from a hand to a picture: a socket of the server that answers a drag without a rerun of the page.

A rerun of a Streamlit fragment keeps the browser busy for a quarter of a second, whatever it computes. A page whose
pictures follow from plain values is therefore also a `Lab`, a function from those values to a `Frame`: while a slider
is dragged the browser asks that function (`live_lab.js`), and the page reruns once, when the hand lets go.

A socket and not a request a picture: uvicorn writes an answer's head and body apart, and on a connection without
TCP_NODELAY the body then waits 40 ms for the head's acknowledgement.
"""

import gc
import gzip
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

import anyio.to_thread
import plotly
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from dashboard.server.bounded_sockets import BoundedSockets
from dashboard.server.bounded_uploads import BoundedUploads
from dashboard.server.early_scripts import EarlyScripts
from dashboard.server.labs import labs
from dashboard.server.live_socket import LiveSocket
from dashboard.server.modules import module_file
from dashboard.server.own_names import OwnNames
from dashboard.server.own_pictures import OwnPictures
from dashboard.server.serving import is_loopback
from dashboard.server.visitor import MarkVisitors


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


PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


async def plotly_file(request: Request) -> Response:
    """The plotly.min.js of the installed package; its address carries the version, so that it never changes.

    Over a network it goes compressed: a class whose thirty phones open a page at once takes a third of the time.
    """
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    # Compressing it takes longer than sending it over the loopback.
    if is_loopback(request.client.host if request.client else "") or "gzip" not in accepted_encodings(request):
        return FileResponse(PLOTLY, media_type="text/javascript", headers={**kept, "Content-Encoding": "identity"})
    body = await anyio.to_thread.run_sync(compressed_plotly)
    headers = {**kept, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(body, media_type="text/javascript", headers=headers)


def accepted_encodings(request: Request) -> set[str]:
    """The encodings that the browser can read."""
    return {part.partition(";")[0].strip().lower() for part in request.headers.get("accept-encoding", "").split(",")}


@lru_cache(maxsize=1)
def compressed_plotly() -> bytes:
    """The file as gzip, made once."""
    return gzip.compress(PLOTLY.read_bytes(), 6)


async def first_page(request: Request) -> Response:
    """Lead `/explore` to the first page, which Streamlit has under the app's own address, and only there."""
    return RedirectResponse(f"./?{request.url.query}")


def routes() -> list[BaseRoute]:
    """The routes beside Streamlit's own, under the address where Streamlit is."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    root = f"/{base}" if base else ""
    prefix = f"{root}/live"
    return [
        Route(f"{root}/explore", first_page),
        Route(f"{prefix}/plotly.min.js", plotly_file),
        Route(f"{prefix}/modules/{{version}}/{{path:path}}", module_file),
        WebSocketRoute(prefix, LiveSocket()),
    ]


def doors() -> list[Middleware]:
    """What a request passes before any route, Streamlit's own socket among them."""
    own = (OwnNames, BoundedUploads, BoundedSockets, MarkVisitors, OwnPictures, EarlyScripts)
    return [Middleware(door) for door in own]
