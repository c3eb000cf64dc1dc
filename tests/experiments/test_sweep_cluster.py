"""A cluster of real processes, started as docs/cluster.md says: client, worker and scheduler are killed in turn."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from forking import Program, start_copy
from sweeping import COMMITTING_OFTEN, LONG, same_runs, serial, steps_done, wait_for
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.runs.opening import open_run
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.index import load_results

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
DASK = str(Path(sys.executable).with_name("dask"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Cluster:
    """A scheduler and workers, each a process group of its own, so that a kill takes a worker with its nanny."""

    address: str
    processes: list[Program] = field(default_factory=list)

    def copy(self, *words: str) -> None:
        """Start a part of it as a copy: see `forking`."""
        self.processes.append(start_copy("dask", *words, environment=COMMITTING_OFTEN, out=Path(os.devnull)))

    def start_elsewhere(self, *words: str) -> None:
        """Start a part of it as a terminal does, but not in the program's folder."""
        environment, quiet = {**os.environ, "PYTHONPATH": ""}, subprocess.DEVNULL
        self.processes.append(
            subprocess.Popen([DASK, *words], env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
        )

    def kill(self, process: Program) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """`dask scheduler` and two times `dask worker`."""
    port = free_port()
    made = Cluster(f"tcp://127.0.0.1:{port}")
    made.copy("scheduler", "--host", "127.0.0.1", "--port", str(port), "--dashboard-address", "127.0.0.1:0")
    for _ in range(2):
        made.copy("worker", "--nthreads", "1", "--no-dashboard", made.address)
    yield made
    for process in made.processes:
        if process.poll() is None:
            made.kill(process)


@dataclass
class Client:
    """`python -m experiments sweep`, and what it says."""

    process: Program
    said: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self, status: int) -> tuple[str, str]:
        """What it has printed, and its errors, once it has ended so."""
        self.process.wait(timeout=120)
        out, error = (self.said.with_suffix(kind).read_text() for kind in (".out", ".error"))
        assert self.process.returncode == status, error
        return out, error


def sweep(file: Path, runs: Path, *words: str, copied: bool = True) -> Client:
    """Start it; where it is no claim how a process starts, as a copy: see `forking`."""
    words = ("sweep", str(file), "--runs", str(runs), *words)
    said = file.with_name(f"{time.monotonic_ns()}")
    out, error = said.with_suffix(".out"), said.with_suffix(".error")
    if copied:
        return Client(start_copy("experiments", *words, environment=COMMITTING_OFTEN, out=out, error=error), said)
    command = [sys.executable, "-m", "experiments", *words]
    with out.open("wb") as printed, error.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=COMMITTING_OFTEN, stdout=printed, stderr=errors, start_new_session=True
        )
    return Client(process, said)


def underway(runs: Path) -> Callable[[], bool]:
    """Whether two runs have committed some steps and are not at their end."""
    return lambda: len(steps_done(runs)) >= 2 and min(steps_done(runs)) > 0


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "test.toml"
    path.write_text(LONG.replace("[0.01, 0.1]", "[0.01]").replace("seeds = 2", "seeds = 1"))
    return path


def goes_on_here(file: Path, runs: Path) -> None:
    """The same command without a scheduler brings all runs to their end."""
    words = ["sweep", str(file), "--runs", str(runs), "--workers", "1"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.startswith("sweep test: 2 of 2 runs are finished")


def test_client_and_worker_are_killed_and_the_result_is_that_of_a_serial_run(cluster, file, tmp_path):
    runs = tmp_path / "runs"
    client = sweep(file, runs, "--scheduler", cluster.address)
    wait_for(underway(runs))
    os.killpg(client.pid, signal.SIGKILL)  # its workers go on with what they have: their runs are held
    client.process.wait()

    client = sweep(file, runs, "--scheduler", cluster.address)
    folder = SweepFolder(runs, "test")
    holders = {orjson.loads(path.read_bytes())["pid"] for path in runs.glob("*/lease.json")}
    if len(holders) == 2:  # both still train: one of them dies with its nanny, for good
        victim = cluster.processes[1]
        cluster.kill(victim)
    out, _ = client.ended(0)
    assert out.startswith("sweep test: 2 of 2 runs are finished")
    assert set(load_results(folder).status) == {"finished"}
    attempts = [open_run(runs / run.name).progress.attempt for run in load_results(folder).plan.runs]
    assert sum(attempts) == 2 + (len(holders) == 2), "each death costs its run one resumption, the client's none"
    same_runs(runs, tmp_path / "serial", serial(file.read_text(), tmp_path / "serial"))


def test_a_scheduler_that_was_started_elsewhere_is_one_sentence(file, tmp_path):
    port = free_port()
    lost = Cluster(f"tcp://127.0.0.1:{port}")
    try:
        lost.start_elsewhere("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        lost.start_elsewhere("worker", "--nthreads", "1", "--no-dashboard", lost.address)
        _, error = sweep(file, tmp_path / "runs", "--scheduler", lost.address, copied=False).ended(2)
    finally:
        for process in lost.processes:
            lost.kill(process)
    said = error[error.index("error: ") :]
    assert said.startswith("error: the scheduler cannot import this program")
    assert "PYTHONPATH=." in said
    assert "Traceback" not in error


def test_a_dead_scheduler_is_one_sentence_and_the_sweep_goes_on_without_it(cluster, file, tmp_path):
    runs = tmp_path / "runs"
    client = sweep(file, runs, "--scheduler", cluster.address)
    wait_for(lambda: bool(steps_done(runs)) and steps_done(runs)[0] > 0)
    cluster.kill(cluster.processes[0])
    _, error = client.ended(2)
    said = error.strip().splitlines()[-1]
    assert said.startswith(
        "error: the connection to the scheduler is lost; 0 of the sweep's 2 runs are finished and kept."
    )
    assert "Traceback" not in error
    for worker in cluster.processes[1:]:
        if worker.poll() is None:
            cluster.kill(worker)
    goes_on_here(file, runs)


def test_ctrl_c_says_what_is_done_and_how_to_go_on_and_kills_leave_nothing_behind(file, tmp_path):
    runs = tmp_path / "runs"
    client = sweep(file, runs, "--workers", "2")
    wait_for(underway(runs))
    os.killpg(client.pid, signal.SIGINT)  # as a terminal does: the client and all of its workers get it
    out, error = client.ended(130)
    assert "0 of 2 runs are finished" in out
    assert f"Continue with: python -m experiments sweep {file} --workers 2" in out
    assert "Traceback" not in error
    assert {open_run(path.parent).progress.reason for path in runs.glob("[!.]*/progress.json")} == {"stopped"}

    client = sweep(file, runs, "--workers", "2")
    wait_for(lambda: len([*runs.glob("*/lease.json")]) == 2)
    workers = {orjson.loads(path.read_bytes())["pid"] for path in runs.glob("*/lease.json")}
    os.kill(client.pid, signal.SIGKILL)
    client.process.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    goes_on_here(file, runs)
