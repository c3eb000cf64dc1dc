"""No page takes files, but Streamlit would keep in memory what anybody sends to a session of their own."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

UPLOADS = "/_stcore/upload_file/"

NO_UPLOADS = "This server takes no files.\n"


class NoUploads:
    """Answers 403 to a file before its body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and UPLOADS in scope["path"]:
            await PlainTextResponse(NO_UPLOADS, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)
