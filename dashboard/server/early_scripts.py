"""What every page's first chart needs, asked for with the page itself.

Streamlit's page first loads and draws its own part, and only then hears of our components. Meanwhile the browser has
time to fetch Plotly and to run it, which takes longer than to draw a chart.
"""

import plotly
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.server.modules import MODULES, MODULES_VERSION

PLOTLY_PATH = f"live/plotly.min.js?v={plotly.__version__}"
"""The version in the address: a browser that has kept an older file does not use it."""
FIRST_FOLDERS = ("live_chart", "shared")

_PLOTLY = f'<script async src="./{PLOTLY_PATH}" onerror="this.remove()"></script>'  # plotly.js then asks for it again
_MODULES = [
    f'<link rel="modulepreload" href="./live/modules/{MODULES_VERSION}/{path}">'
    for path in MODULES
    if path.split("/")[0] in FIRST_FOLDERS
]
TAGS = "".join([*_MODULES, _PLOTLY]).encode()
_END = b"</head>"


class EarlyScripts:
    """Adds `TAGS` to Streamlit's page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add to the answer where it is the page."""
        is_get = scope["type"] == "http" and scope["method"] == "GET"
        await self._app(scope, receive, adding(send) if is_get else send)


def adding(send: Send) -> Send:
    """Sends an answer on, a page with `TAGS`."""
    start: Message | None = None
    body = bytearray()

    async def send_with_tags(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start" and is_page(message):
            start = message
        elif start is None:
            await send(message)
        else:
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                made = bytes(body).replace(_END, TAGS + _END, 1)
                await send(with_length(start, len(made)))
                await send({"type": "http.response.body", "body": made})

    return send_with_tags


def is_page(start: Message) -> bool:
    """Whether an answer is a whole page, as it is and not compressed."""
    headers = Headers(raw=start["headers"])
    is_html = headers.get("content-type", "").startswith("text/html")
    return start["status"] == 200 and is_html and "content-encoding" not in headers


def with_length(start: Message, length: int) -> Message:
    """The beginning of the answer for a body of another length, which is no longer the file of that tag and date."""
    headers = MutableHeaders(raw=[*start["headers"]])
    headers["content-length"] = str(length)
    for name in ("etag", "last-modified"):
        del headers[name]
    return {**start, "headers": headers.raw}
