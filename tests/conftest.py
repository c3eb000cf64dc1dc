"""Shapes are checked in every test: jaxtyping's annotations, by beartype."""

import importlib
import os
import sys
from pathlib import Path

# The suite runs on all cores side by side already; servers and commands that it starts read these, too.
os.environ |= {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nor need each of them compile this program anew

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

sys.path.insert(0, str(Path(__file__).parent))  # for `oracles`
install_import_hook(["models"], "beartype.beartype")
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
if "OTHER_BLOCKING" in os.environ:
    importlib.import_module("other_blocking")  # it replaces torch's products


settings.register_profile("any machine", deadline=None)  # a busy machine is no wrong answer
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def one_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves the page that it ran as the process's main module, which every process started later would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
