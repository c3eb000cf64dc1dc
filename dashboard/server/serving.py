"""For whom this server is: one person, or several who do not know each other. A start-up switch decides, no browser."""

import os
from collections.abc import Mapping

import streamlit as st

SHARED_VARIABLE = "GRADIENT_FLOW_SHARED"
"""Environment variable: 1 for a server that several people use, 0 for one person's; empty lets the address decide."""
WORKERS_VARIABLE = "GRADIENT_FLOW_WORKERS"
"""Environment variable: how many processes may train at once for the pages; empty is one per core."""
FILES_VARIABLE = "GRADIENT_FLOW_FILES"
"""Environment variable: 1 for a server whose pages may open text files of this machine by their paths."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
"""Headers that a proxy adds: whoever is behind it is not known to sit at this machine."""


def is_personal(headers: Mapping[str, str] | None = None) -> bool:
    """Whether the one who asks is the person whose server this is, and may do all that the command line may.

    The switch decides where it is set. Else the server must listen on the loopback address alone, and the request must
    have been sent to that address directly: behind a proxy the server's own address says nothing.

    Args:
        headers: of the request; None takes those of the page's session.
    """
    switch = os.environ.get(SHARED_VARIABLE, "").strip()
    if switch:
        return switch == "0"
    given = st.context.headers if headers is None else headers
    names = {name.lower(): value for name, value in given.items()}
    forwarded = any(name.lower() in names for name in FORWARDING)
    return is_loopback(st.get_option("server.address")) and is_loopback(host_of(names)) and not forwarded


def opens_files() -> bool:
    """Whether a page may open a text file of this machine: only where the person who started the server said so.

    No address decides it: behind a proxy, every visitor seems to sit at this machine.
    """
    return os.environ.get(FILES_VARIABLE, "").strip() == "1"


def is_loopback(address: object) -> bool:
    """Whether only this machine reaches the address."""
    return address in LOOPBACK


def host_of(names: Mapping[str, str]) -> str:
    """The host that the browser asked, without its port; the loopback where no browser asked (a test of a page)."""
    if "host" not in names:
        return LOOPBACK[0]
    host = names["host"].strip().lower()
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def workers() -> int:
    """Processes that may train at once for the pages: at most one per core that this server may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get(WORKERS_VARIABLE, "").strip()
    return min(int(wanted), usable) if wanted.isdecimal() and int(wanted) > 0 else usable
