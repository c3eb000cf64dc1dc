"""What may be uploaded: a weights file of bounded size. Streamlit keeps files in memory, so the door counts them."""

import asyncio
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.stats import CacheStat

UPLOADS = "/_stcore/upload_file/"
LARGEST_UPLOAD = 2**26
"""Bytes of a file: 64 MiB."""
FORM_BYTES = 2**16
"""What a browser sends around the file."""
MOST_AT_ONCE = 4
"""Files that come in at the same time."""
MOST_OF_ONE = 2
"""Files that Streamlit holds for one session; a page drops each as soon as it has read it."""
MOST_HELD = 2**28
"""Bytes that Streamlit holds for all sessions, those on their way among them."""
SECONDS = 120.0
"""The longest that a file may take."""

NO_LENGTH = "A file must say its length.\n"
TOO_LARGE = "The file is too large; at most 64 MiB are taken.\n"
TOO_MANY = "Other files are being read; try again in a minute.\n"


class Held(Protocol):
    """What is known of the files that Streamlit holds."""

    def files_of(self, session: str) -> int:
        """Files of one session."""

    def total(self) -> int:
        """Bytes of all sessions."""


class StreamlitFiles:
    """The files that the running server holds."""

    def files_of(self, session: str) -> int:
        """Files of one session."""
        manager = held_files()
        return 0 if manager is None else len(manager.file_storage.get(session, {}))

    def total(self) -> int:
        """Bytes of all sessions."""
        manager = held_files()
        stats = [] if manager is None else [stat for family in manager.get_stats().values() for stat in family]
        return sum(stat.byte_length for stat in stats if isinstance(stat, CacheStat))


def held_files() -> MemoryUploadedFileManager | None:
    """Where the running server holds files; None where no server runs."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    return manager if isinstance(manager, MemoryUploadedFileManager) else None


class BoundedUploads:
    """Refuses a file that is too large before its body is read, and files that would fill the server's memory."""

    def __init__(self, app: ASGIApp, held: Held | None = None) -> None:
        self._app = app
        self._held = held or StreamlitFiles()
        self._arriving: list[int] = []
        """Announced bytes of the files that come in now."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or UPLOADS not in scope["path"] or scope["method"] not in ("PUT", "POST"):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isdecimal() and len(length) < 16 else None
        if refusal := self._refusal(scope["path"], size):
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)
            return
        assert size is not None
        self._arriving.append(size)
        try:
            async with asyncio.timeout(SECONDS):
                await self._app(scope, count_bytes(receive, size), send)
        except TimeoutError:
            await PlainTextResponse(TOO_MANY, 408)(scope, receive, send)
        finally:
            self._arriving.remove(size)

    def _refusal(self, path: str, size: int | None) -> tuple[int, str] | None:
        """Status and words for a file that is not taken; None for one that is."""
        session = path.partition(UPLOADS)[2].partition("/")[0]
        if size is None:
            return 411, NO_LENGTH
        if size > LARGEST_UPLOAD + FORM_BYTES:
            return 413, TOO_LARGE
        held = self._held.total() + sum(self._arriving) + size
        if len(self._arriving) >= MOST_AT_ONCE or held > MOST_HELD or self._held.files_of(session) >= MOST_OF_ONE:
            return 503, TOO_MANY
        return None


def count_bytes(receive: Receive, most: int) -> Receive:
    """The same body; the browser seems gone once it grows longer than it was announced."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > most else message

    return counted
