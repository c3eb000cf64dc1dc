"""Shapes are checked in every test: jaxtyping's annotations, by beartype.

Of a test with many cases they are checked in one case of eight, always the same ones: checking takes longer than most
of what is checked, and the other cases go through the same functions.
"""

import importlib
import os
import sys
from pathlib import Path
from zlib import crc32

# The suite runs on all cores side by side already; servers and commands that it starts read these, too.
os.environ |= {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nor need each of them compile this program anew

import pytest
import torch
from hypothesis import settings
from jaxtyping import config, install_import_hook

sys.path.insert(0, str(Path(__file__).parent))  # for `oracles`
install_import_hook(["models"], "beartype.beartype")
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
if "OTHER_BLOCKING" in os.environ:
    importlib.import_module("other_blocking")  # it replaces torch's products


# A busy machine is no wrong answer, and whether a change is let in is not left to chance. To look for new examples:
# pytest --hypothesis-profile=new-examples
settings.register_profile("same-examples", deadline=None, derandomize=True)
settings.register_profile("new-examples", deadline=None)
settings.load_profile("same-examples")


@pytest.fixture(autouse=True)
def one_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves the page that it ran as the process's main module, which every process started later would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(autouse=True)
def checked_shapes(request: pytest.FixtureRequest) -> None:
    """Check shapes, but for seven of eight cases of a test that has several."""
    has_cases = hasattr(request.node, "callspec")
    config.update("jaxtyping_disable", has_cases and crc32(request.node.nodeid.encode()) % 8 != 0)
