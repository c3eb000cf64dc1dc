"""The components' scripts: each can be fetched under its own address, what each imports too, and nothing else."""

import posixpath
import re

import pytest
from coroutines import run_coroutine
from starlette.requests import Request
from starlette.responses import Response

from dashboard.server.modules import MODULES, MODULES_VERSION, module_file


def fetch(version: str, path: str) -> Response:
    request = Request({"type": "http", "path_params": {"version": version, "path": path}})
    return run_coroutine(module_file(request))


@pytest.mark.parametrize("path", MODULES)
def test_a_module_and_all_that_it_imports_are_served(path):
    answer = fetch(MODULES_VERSION, path)
    assert answer.status_code == 200
    assert answer.media_type == "text/javascript"
    for imported in re.findall(r'from "(\..*?)"', bytes(answer.body).decode()):
        assert posixpath.normpath(posixpath.join(posixpath.dirname(path), imported)) in MODULES


@pytest.mark.parametrize(
    "path",
    ["mount.py", "live_slider/component.py", "", ".", "../server/live.py", "/etc/passwd", "live_slider/../mount.py"],
)
def test_nothing_else_is_served(path):
    assert fetch(MODULES_VERSION, path).status_code == 404


def test_a_module_of_another_version_is_not_served():
    assert fetch("0", "live_slider/live_slider.js").status_code == 404
