"""Who looks at a page: a random mark in a cookie, which says nothing of the person; and what they may steer."""

import hashlib
import re
import secrets

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.server.serving import is_personal

COOKIE = "gradient-flow-visitor"
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
KEPT_SECONDS = 30 * 24 * 3600


class MarkVisitors:
    """Gives every browser that opens a page and has no mark yet a mark of its own; no script can read it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with a cookie where a page is asked for without one."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = HTTPConnection(scope)
        opens_page = "text/html" in request.headers.get("accept", "")
        if not opens_page or TOKEN.fullmatch(request.cookies.get(COOKIE, "")):
            return await self.app(scope, receive, send)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Lax: a link from elsewhere opens the page as the same visitor, a foreign form does not act as them.
                rules = f"Path=/; Max-Age={KEPT_SECONDS}; HttpOnly; SameSite=Lax"
                MutableHeaders(scope=message).append("Set-Cookie", f"{COOKIE}={new_token()}; {rules}")
            await send(message)

        return await self.app(scope, receive, send_marked)


def new_token() -> str:
    """A mark that nobody guesses: 192 random bits."""
    return secrets.token_urlsafe(24)


def visitor() -> str:
    """The visitor of this session, as it may be written down: who reads it cannot pass for them.

    A browser that keeps no cookies is a new visitor with every reload.
    """
    token = str(st.context.cookies.get(COOKIE, ""))
    if not TOKEN.fullmatch(token):
        token = str(st.session_state.setdefault(COOKIE, new_token()))
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def may_steer(owner: str | None) -> bool:
    """Whether this visitor may change a run: they started it, or the server is theirs."""
    return is_personal() or owner == visitor()
