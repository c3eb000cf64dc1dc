"""The page without a browser, and without the developer's own runs."""

import subprocess
import sys

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


@pytest.fixture
def processes(monkeypatch, runs):
    """Processes that wait for a line on their standard input instead of training; what was started."""
    started = []
    popen = subprocess.Popen  # `jobs` and this module share one `subprocess`

    def begin(command, **options):
        process = popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=options["stderr"])
        process.asked = command
        started.append(process)
        return process

    monkeypatch.setattr(jobs.subprocess, "Popen", begin)
    yield started
    for process in started:
        process.kill()
        process.wait()
