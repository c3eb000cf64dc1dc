"""Tests on an emulated second device (`emulated.py`); `make test-device` runs them. They need a C++ compiler."""

import os
from collections.abc import Iterator

import emulated
import pytest
import torch


def pytest_configure() -> None:
    emulated.register()


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without tidying up: autograd's thread of the device would break off Python's own end."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    failed = reporter is None or any(reporter.stats.get(kind) for kind in ("failed", "error"))
    os._exit(int(bool(failed)))
