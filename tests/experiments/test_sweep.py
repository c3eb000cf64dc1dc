"""A sweep on a real cluster of two worker processes, and everything that may happen to it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from distributed import Client
from kill_training import read_all, same
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.store.reader import open_run
from experiments.sweeps.cluster import connected
from experiments.sweeps.engine import Report, run_sweep
from experiments.sweeps.folder import Failure, SweepFolder, failures
from experiments.sweeps.index import load_results
from experiments.sweeps.plan import Plan, plan_of
from experiments.sweeps.probes import probe_file, read_probe
from experiments.sweeps.work import MOST_STARTS, Work, perform

ROOT = Path(__file__).resolve().parents[2]

TRAINED = """
kind = "run"
seeds = 2
[fixed]
seq_len = 8
hidden_size = 6
batch_size = 5
steps = 40
record_every = 3
record_units = 4
evaluate_every = 20
evaluate_size = 20
[axes]
cell = ["elman", "lstm"]
learning_rate = [0.01, 0.1]
"""

PROBED = """
seeds = 2
[fixed]
hidden_size = 6
batch_size = 4
initialisation = "orthogonal"
[axes]
cell = ["elman", "gru"]
seq_len = [10, 20]
largest_singular_value = [0.5, 1.5]
"""

LONG = TRAINED.replace("steps = 40", "steps = 4000").replace(
    "evaluate_size = 20", "evaluate_size = 20\nstop_on_success = false"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two workers that all tests here share, each restarted by its nanny when a test has killed it."""
    with connected(2, memory="900MiB") as client:
        yield client


@pytest.fixture
def runs(tmp_path) -> Path:
    return tmp_path / "runs"


def swept(source: str, runs: Path, client: Client, name: str = "test", **options: object) -> Report:
    """The sweep, brought to its end."""
    stop = options.pop("stop", threading.Event())
    return run_sweep(plan_of(source, name), SweepFolder(runs, name), client, stop, **options)  # type: ignore[arg-type]


def serial(source: str, runs: Path) -> Plan:
    """The same sweep without a cluster, one run after the other in this process."""
    plan = plan_of(source, "serial")
    folder = SweepFolder(runs, "serial")
    folder.session("here").parent.mkdir(parents=True)
    folder.session("here").touch()
    configs = tuple(plan.config(run).model_dump() for run in plan.runs)
    outcomes = perform(Work(str(runs), "serial", "here", plan.kind, configs))
    assert {outcome.result for outcome in outcomes} <= {"finished", "failed"}
    return plan


def same_runs(one: Path, other: Path, plan: Plan) -> None:
    """Nothing, if every run of the plan is in both folders, equal bit for bit but for clocks."""
    for run in plan.runs:
        if plan.kind == "run":
            same(read_all(open_run(one / run.name), 0), read_all(open_run(other / run.name), 0))
            continue
        a, b = (read_probe(probe_file(runs, run.name)) for runs in (one, other))
        assert a.log_norm.tobytes() == b.log_norm.tobytes()
        assert {k: v for k, v in a.numbers.items() if k != "seconds"} == pytest.approx(
            {k: v for k, v in b.numbers.items() if k != "seconds"}, rel=0, abs=0, nan_ok=True
        )


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def steps_done(runs: Path) -> int:
    """Optimiser steps that all training runs have committed."""
    found = 0
    for path in runs.glob("*/progress.json"):
        found += orjson.loads(path.read_bytes())["step"]
    return found


# the ordinary course


@pytest.mark.parametrize("source", [PROBED, TRAINED], ids=["probes", "runs"])
def test_two_workers_give_what_one_process_gives_bit_for_bit(cluster, runs, tmp_path, source):
    report = swept(source, runs, cluster)
    assert set(report.results.status) == {"finished"}
    assert report.ran == len(report.results.plan.runs)
    same_runs(runs, tmp_path / "serial", serial(source, tmp_path / "serial"))


def test_finished_runs_are_skipped_and_a_new_value_runs_only_what_is_new(cluster, runs):
    assert swept(PROBED, runs, cluster).ran == 16
    assert swept(PROBED, runs, cluster).ran == 0
    edited = PROBED.replace("[10, 20]", "[10, 20, 30]")
    assert swept(edited, runs, cluster).ran == 8
    assert swept(edited.replace("[0.5, 1.5]", "[0.5]"), runs, cluster).ran == 0
    other = swept(PROBED, runs, cluster, name="another")
    assert other.ran == 0, "runs are shared by all sweeps"
    assert len(load_results(SweepFolder(runs, "test")).plan.runs) == 12, "the plan is that of the last start"


def test_a_run_that_was_trained_by_hand_is_not_trained_again(cluster, runs):
    plan = plan_of(TRAINED, "test")
    words = [f"{k}={v}" for k, v in {**plan.fixed, **plan.runs[0].values}.items()]
    result = CliRunner().invoke(app, ["run", *words, "--quiet", "--runs", str(runs)], catch_exceptions=False)
    assert result.exit_code == 0
    assert swept(TRAINED, runs, cluster).ran == len(plan.runs) - 1


def test_a_run_that_raises_or_diverges_is_kept_as_such_and_the_others_go_on(cluster, runs):
    """The chrono initialisation needs gates; a learning rate of 1e30 diverges."""
    source = TRAINED.replace("learning_rate = [0.01, 0.1]", "learning_rate = [0.01, 1e30]").replace(
        "[axes]", "optimiser = 'sgd'\n[axes]\ninitialisation = ['default', 'chrono']"
    )
    seen: list[Failure] = []
    report = swept(source, runs, cluster, fail=seen.append)
    status = dict(zip([r.name for r in report.results.plan.runs], report.results.status, strict=True))
    for run in report.results.plan.runs:
        chrono = run.values["initialisation"] == "chrono" and run.values["cell"] == "elman"
        wanted = "failed" if chrono else "diverged" if run.values["learning_rate"] == 1e30 else "finished"
        assert status[run.name] == wanted
        assert ("it needs a cell with gates" in report.results.errors.get(run.name, "")) == chrono
    assert {f.run for f in seen} == set(report.results.errors) == set(failures(SweepFolder(runs, "test")))
    assert "Traceback" in seen[0].trace
    assert swept(source, runs, cluster).ran == 0, "a failed run is not tried again by itself"
    seen.clear()
    swept(source, runs, cluster, retry=True, fail=seen.append)
    assert {f.run for f in seen} == set(report.results.errors)


# workers


def worker_pids(client: Client) -> dict[str, int]:
    return dict(client.run(os.getpid))


def test_a_killed_worker_costs_nothing_that_was_committed(cluster, runs, tmp_path):
    """A worker is killed as soon as runs have committed steps; another goes on with its run from there."""
    source = LONG.replace("seeds = 2", "seeds = 1").replace("[0.01, 0.1]", "[0.01]")
    pids = worker_pids(cluster)
    killed: list[int] = []

    def kill(session: object) -> None:
        if not killed and len(list(runs.glob("*/progress.json"))) == 2 and steps_done(runs) > 200:
            killed.append(min(pids.values()))
            os.kill(killed[0], signal.SIGKILL)

    report = swept(source, runs, cluster, watch=kill)
    assert killed
    assert set(report.results.status) == {"finished"}
    attempts = [open_run(runs / run.name).progress.attempt for run in report.results.plan.runs]
    assert sorted(attempts) == [1, 2], "one run was resumed, the other untouched"
    same_runs(runs, tmp_path / "serial", serial(source, tmp_path / "serial"))


def test_a_run_that_exhausts_memory_fails_by_itself(cluster, runs):
    """4 GiB is allowed of a pass, and a worker here has 900 MiB."""
    source = """
        [fixed]
        cell = "elman"
        batch_size = 64
        [axes]
        seq_len = [10, 20, 30]
        hidden_size = { values = [1500], when = { seq_len = 20 } }
        num_layers = { values = [16], when = { seq_len = 20 } }
        """
    seen: list[Failure] = []
    report = swept(source, runs, cluster, fail=seen.append)
    assert sorted(report.results.status) == ["failed", "finished", "finished"]
    (failure,) = seen
    assert (
        failure.error == f"its worker died each of the {MOST_STARTS} times that it was begun: killed, or out of memory."
    )
    assert failure.starts == MOST_STARTS
