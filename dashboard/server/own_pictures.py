"""A page's pictures and fonts come from this server alone: a class without the internet sees the same, and nobody else
hears who opens a page.

Streamlit draws a page's icon from its own font, and besides asks Google for it as the tab's icon, until it has ours.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "img-src 'self' data: blob:; font-src 'self' data:"
"""The Content-Security-Policy of a page: other sources are not asked."""


class OwnPictures:
    """Adds `POLICY` to every page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add to the answer where it is a page."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=[*message["headers"]])
                if headers.get("content-type", "").startswith("text/html"):
                    headers["content-security-policy"] = POLICY
                    message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, send_with_policy if scope["type"] == "http" else send)
