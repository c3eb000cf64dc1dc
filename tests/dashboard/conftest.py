"""The page without a browser, and without the developer's own runs."""

import pytest

from dashboard import jobs
from dashboard.lessons import live_beat


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """No run of the developer's decides a test."""
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(tmp_path / "runs"))
    for module in (jobs, live_beat):
        monkeypatch.setattr(module, "RUNS", (tmp_path / "runs").resolve())
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"
