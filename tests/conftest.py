"""Tests check the shapes and types of all functions in `models` and `analysis`: jaxtyping's annotations, by beartype.

A test with one case checks them. Of a test with many cases one case of eight does, and of the tests of experiments and
pages one of eight, always the same ones: checking takes longer than most of what is checked, and the others go through
the same functions. The functions of other folders are not checked.
"""

import importlib
import os
import sys
from pathlib import Path
from zlib import crc32

# The suite runs on all cores side by side already; servers and commands that it starts read these, too.
os.environ |= {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nor need each of them compile this program anew

import functools

import pytest
import torch
from hypothesis import settings
from jaxtyping import config, install_import_hook
from streamlit.components.v2 import manifest_scanner

sys.path.insert(0, str(Path(__file__).parent))  # for `oracles`
install_import_hook(["models", "analysis"], "typechecking.check_types")
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
if "OTHER_BLOCKING" in os.environ:
    importlib.import_module("other_blocking")  # it replaces torch's products


# AppTest reads the metadata of all installed packages at each run of a page; they do not change meanwhile.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)

# A busy machine is no wrong answer, and whether a change is let in is not left to chance. To look for new examples:
# pytest --hypothesis-profile=new-examples
settings.register_profile("same-examples", deadline=None, derandomize=True)
settings.register_profile("new-examples", deadline=None)
settings.load_profile("same-examples")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that wait for a browser or for other processes among those that compute, for idle cores cost."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = {path for path, tests in files.items() if "browser" in path.parts or starts_processes(tests)}
    place: dict[Path, float] = {}
    for kind in (waiting, files.keys() - waiting):
        before, all_tests = 0, sum(len(files[path]) for path in kind)
        for path in (path for path in files if path in kind):
            place[path] = (before + len(files[path]) / 2) / all_tests
            before += len(files[path])
    items.sort(key=lambda item: place[item.path])


def starts_processes(tests: list[pytest.Item]) -> bool:
    """Whether some of a file's tests start processes and wait for them."""
    return any(test.get_closest_marker("processes") for test in tests)


@pytest.fixture(autouse=True)
def one_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves the page that it ran as the process's main module, which every process started later would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(autouse=True)
def checked_shapes(request: pytest.FixtureRequest) -> None:
    """Check shapes, but for seven of eight cases of a test that has several, and of eight tests of runs and pages."""
    many = hasattr(request.node, "callspec") or bool({"experiments", "dashboard"} & {*request.path.parts})
    chosen = not many or crc32(request.node.nodeid.encode()) % 8 == 0
    config.update("jaxtyping_disable", not chosen or bool(request.node.get_closest_marker("unchecked")))
