"""The page without a browser, and without the developer's own runs."""

import subprocess
import sys
import time

import pytest

from dashboard.lessons import live_beat
from dashboard.train import jobs


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
    """Processes that wait for a line on their standard input instead of training, in the order of their start."""
    started = []
    popen = subprocess.Popen  # `jobs` and this file share one `subprocess`

    def begin(command, **options):
        process = popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=options["stderr"])
        process.asked = command
        started.append(process)
        return process

    monkeypatch.setattr(jobs.subprocess, "Popen", begin)
    return started


@pytest.fixture
def pool(processes):
    """A pool of one core; nothing of it is left when the test ends."""
    made = jobs.Jobs(most=1)
    yield made
    with made.lock:
        made.waiting.clear()  # or what is killed next would let it begin
    for process in processes:
        process.kill()
    while made.working:
        time.sleep(0.01)
