"""Only pages of this server may talk to it, and only under a name that is its own.

A browser lets any page open a socket anywhere, and says in `Origin` where the page came from. That is not enough: the
owner of a foreign name can point it at 127.0.0.1 once the page is loaded, and then `Origin` and `Host` agree (DNS
rebinding). So `Host` must be a name of this server's, too.
"""

import socket
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.server.serving import is_loopback

FOREIGN_NAME = (
    "This server does not answer to the name in the address. "
    "If the name is yours, start the server with --server.allowedHosts followed by it.\n"
)
FOREIGN_PAGE = "Only pages of this server may open a socket to it.\n"


class OwnNames:
    """Answers 403 to what comes under a foreign name, and to sockets that a foreign page opens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        problem = refusal(scope) if scope["type"] in ("http", "websocket") else None
        answer = self._app if problem is None else PlainTextResponse(problem, 403)
        await answer(scope, receive, send)


def refusal(scope: Scope) -> str | None:
    """Why a request is not answered; None where it is."""
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    if not is_own_host(hosts):
        return FOREIGN_NAME
    if scope["type"] == "websocket" and not is_own_origin(headers.getlist("origin"), hosts[0]):
        return FOREIGN_PAGE
    return None


def is_own_host(hosts: Sequence[str]) -> bool:
    """Whether a request's `Host` headers are one, and name this server.

    Names of its own are those of `server.allowedHosts`, `server.address` and `browser.serverAddress`. A server that
    listens on the loopback address is also every loopback name; another one is also any number of an address, which
    nobody can rebind, and the machine's own name.
    """
    name = host_name(hosts[0]) if len(hosts) == 1 else None
    if name is None:
        return False
    configured = [*st.get_option("server.allowedHosts"), st.get_option("server.address")]
    configured.append(st.get_option("browser.serverAddress"))
    if any(matches(name, str(pattern)) for pattern in configured if pattern):
        return True
    if is_loopback(name):
        return True
    machine = socket.gethostname().lower()
    return not is_loopback(st.get_option("server.address")) and (
        is_address(name) or name in (machine, f"{machine}.local")
    )


def is_own_origin(origins: Sequence[str], host: str) -> bool:
    """Whether a page that opens a socket came from the host it asks, or from one of `server.corsAllowedOrigins`.

    Without the header no browser asks.
    """
    if not origins:
        return True
    if len(origins) > 1:
        return False
    try:
        netloc = urlsplit(origins[0]).netloc
    except ValueError:
        return False
    return netloc.lower() == host.lower() or origins[0] in st.get_option("server.corsAllowedOrigins")


def host_name(host: str) -> str | None:
    """The name or number in a `Host` header, without its port, in lower case; None where it is malformed."""
    try:
        parts = urlsplit(f"//{host.strip()}")
        name, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        return None
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return name.rstrip(".") if name else None


def is_address(name: str) -> bool:
    """Whether a host is the number of an address, IPv4 or IPv6."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def matches(name: str, pattern: str) -> bool:
    """Whether a name is the pattern's, which may begin with `*.` for any name below it, or be `*` for any at all."""
    pattern = pattern.strip().lower().strip("[]").rstrip(".")
    return pattern == "*" or name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:]))
