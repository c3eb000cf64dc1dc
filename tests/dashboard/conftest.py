"""The page without a browser, and without the developer's own runs."""

import pytest

from dashboard.lessons import live_beat


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """No run of the developer's decides a test."""
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(live_beat, "RUNS", (tmp_path / "runs").resolve())
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"
