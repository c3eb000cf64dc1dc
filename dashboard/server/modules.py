"""The scripts of the components as ES modules, at addresses that change with their content."""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_FOLDER = Path(__file__).parents[1] / "components"

MODULES: Mapping[str, bytes] = {
    file.relative_to(_FOLDER).as_posix(): file.read_bytes() for file in sorted(_FOLDER.glob("*/*.js"))
}
"""Path of a module → its text. Read once: nothing else can be asked for."""

MODULES_VERSION = blake2b(b"\0".join(MODULES.values()), digest_size=8).hexdigest()
"""Part of every module's address: a browser that has kept an older file does not use it."""


async def module_file(request: Request) -> Response:
    """The module that the address names; 404 for any other address."""
    script = MODULES.get(request.path_params["path"])
    if script is None or request.path_params["version"] != MODULES_VERSION:
        return PlainTextResponse("There is no such module.", status_code=404)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(script, media_type="text/javascript", headers=kept)
