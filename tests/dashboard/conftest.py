"""The page without a browser, and without the developer's own runs."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dashboard.lessons import live_beat
from dashboard.train import jobs
from experiments.config.run_config import RunConfig
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train

OLD = Path(__file__).resolve().parents[1] / "experiments/fixtures/before_weights/ee5acd58fa17"
SIZES = {"seq_len": 12, "hidden_size": 4, "batch_size": 3, "steps": 5, "record_every": 2, "evaluate_every": None}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """No run of the developer's decides a test."""
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(tmp_path / "runs"))
    for module in (jobs, live_beat):
        monkeypatch.setattr(module, "RUNS", (tmp_path / "runs").resolve())
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def nothing_is_prepared(monkeypatch) -> None:
    """A page's visit would prepare a process, for seconds, that no test here copies."""
    monkeypatch.setattr(jobs.programs, "prepare", lambda: None)


@pytest.fixture
def processes(monkeypatch, runs):
    """Processes that wait for a line on their standard input instead of training, in the order of their start."""
    started = []

    def begin(words, said):
        with said.open("wb") as errors:
            process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=errors)
        process.asked = words
        started.append(process)
        return process

    monkeypatch.setattr(jobs.programs, "start", begin)
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


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of several cells, and one of an earlier version."""
    runs = tmp_path_factory.mktemp("runs")
    more = [
        {"cell": "lstm", "forget_bias": 2.0, "record_units": 2},
        {"cell": "elman", "task": "copying"},
        {"cell": "mingru"},
    ]
    for values in more:
        config = RunConfig.from_values({**SIZES, **values})
        train([Recorder.start(config, runs / config.cell)])
    shutil.copytree(OLD, runs / "old")
    return runs


@pytest.fixture
def lstm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunReader:
    monkeypatch.setattr(jobs, "RUNS", folder)
    return open_run(folder / "lstm")
