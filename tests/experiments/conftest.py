"""Small runs that take milliseconds per step, and two workers for small sweeps."""

import shutil
from pathlib import Path

import pytest

from experiments.config.run_config import RunConfig
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train

TINY = {
    "task": "adding",
    "cell": "lstm",
    "seq_len": 8,
    "hidden_size": 6,
    "batch_size": 5,
    "steps": 40,
    "record_every": 3,
    "record_units": 4,
    "record_samples": 2,
    "clip_threshold": 0.3,
    "evaluate_every": 10,
    "evaluate_size": 20,
}


@pytest.fixture(scope="session")
def tiny():
    """Settings → a configuration like `TINY` but for them."""
    return lambda **changes: RunConfig.from_values({**TINY, **changes})


@pytest.fixture
def trained(tmp_path: Path, tiny):
    """Settings → a run that was trained to its end."""

    def make(folder: Path = tmp_path / "runs" / "made", **changes: object) -> RunReader:
        train([Recorder.start(tiny(**changes), folder)])
        return open_run(folder)

    return make


@pytest.fixture(scope="session")
def whole(tmp_path_factory, tiny) -> RunReader:
    """A run that nobody may change."""
    config = tiny()
    folder = tmp_path_factory.mktemp("runs") / config.identity()
    train([Recorder.start(config, folder)])
    return open_run(folder)


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    """A run that may be damaged."""
    folder = tmp_path / "runs" / whole.name
    shutil.copytree(whole.folder, folder)
    return folder


@pytest.fixture
def halfway(tmp_path, tiny) -> Path:
    """A run that was stopped after 12 of its steps."""
    folder = tmp_path / "runs" / "halfway"
    with Recorder.start(tiny(record_every=1, record_units=None), folder) as recorder:
        for _ in range(12):
            recorder.turn()
    return folder


@pytest.fixture
def runs(tmp_path) -> Path:
    """Where runs are to be."""
    return tmp_path / "runs"


@pytest.fixture
def in_own_folder(tmp_path, monkeypatch) -> None:
    """Commands keep their runs in `runs`, and what they write lies beside it."""
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stored(runs, whole) -> Path:
    """A copy of the whole run, which a test may change."""
    shutil.copytree(whole.folder, runs / whole.name)
    return runs / whole.name


@pytest.fixture(scope="module")
def cluster():
    """Two workers that all tests of a file share, each restarted by its nanny when a test has killed it."""
    from experiments.sweeps import engine  # here, as dask takes a second that few files need
    from experiments.sweeps.cluster import connected

    engine.SAY_SECONDS = 0.1
    with connected(2, memory="900MiB") as client:
        yield client
