"""The components' scripts: each can be fetched under its own address, what each imports too, and nothing else."""

import posixpath
import re

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.server.modules import MODULES, MODULES_VERSION, module_file

CLIENT = TestClient(Starlette(routes=[Route("/live/modules/{version}/{path:path}", module_file)]))


@pytest.mark.parametrize("path", MODULES)
def test_a_module_and_all_that_it_imports_are_served(path):
    answer = CLIENT.get(f"/live/modules/{MODULES_VERSION}/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.content == MODULES[path]
    for imported in re.findall(r'from "(\..*?)"', answer.text):
        assert posixpath.normpath(posixpath.join(posixpath.dirname(path), imported)) in MODULES


@pytest.mark.parametrize(
    "address",
    [
        f"{MODULES_VERSION}/mount.py", f"{MODULES_VERSION}/live_slider/component.py", f"{MODULES_VERSION}/",
        f"{MODULES_VERSION}/%2e%2e/server/live.py", f"{MODULES_VERSION}//etc/passwd", "0/live_slider/live_slider.js",
    ],
)  # fmt: skip
def test_nothing_else_is_served(address):
    assert CLIENT.get(f"/live/modules/{address}").status_code == 404
