"""A sweep on a real cluster of two worker processes, and everything that may happen to it."""

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from distributed import Client, LocalCluster
from kill_training import read_all, same
from typer.testing import CliRunner

from experiments import recorder
from experiments.__main__ import app
from experiments.store.errors import RecordingError
from experiments.store.lease import Lease
from experiments.store.reader import open_run
from experiments.sweeps import cluster as clusters
from experiments.sweeps import engine
from experiments.sweeps.cluster import ClusterError, check_workers, connected
from experiments.sweeps.engine import Report, run_sweep
from experiments.sweeps.folder import Failure, Session, SweepFolder, failures, sessions
from experiments.sweeps.index import load_results
from experiments.sweeps.plan import Plan, plan_of
from experiments.sweeps.probes import probe_file, read_probe
from experiments.sweeps.progress import ending
from experiments.sweeps.work import MOST_STARTS, Work, perform

TRAINED = """
kind = "run"
seeds = 2
[fixed]
seq_len = 8
hidden_size = 6
batch_size = 5
steps = 30
record_every = 3
record_units = 4
evaluate_every = 15
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

LONG = TRAINED.replace("steps = 30", "steps = 500\nstop_on_success = false")
"""Runs of some seconds, so that there is time to kill something."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two workers that all tests here share, each restarted by its nanny when a test has killed it."""
    engine.SAY_SECONDS = 0.1
    with connected(2, memory="900MiB") as client:
        yield client


def commit_often() -> None:
    """In a worker: many commits in a run of a second."""
    recorder.COMMIT_SECONDS, recorder.COMMIT_SHARE = 0.05, 0.5


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


def steps_done(runs: Path) -> list[int]:
    """Optimiser steps that each training run has committed."""
    return [orjson.loads(path.read_bytes())["step"] for path in runs.glob("*/progress.json")]


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
    cluster.run(commit_often)
    pids = worker_pids(cluster)
    killed: list[int] = []

    def kill(session: object) -> None:
        if not killed and len(steps_done(runs)) == 2 and min(steps_done(runs)) > 10:
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
        num_layers = { values = [12], when = { seq_len = 20 } }
        """
    seen: list[Failure] = []
    report = swept(source, runs, cluster, fail=seen.append)
    assert sorted(report.results.status) == ["failed", "finished", "finished"]
    (failure,) = seen
    assert f"its worker died each of the {MOST_STARTS} times" in failure.error
    assert failure.starts == MOST_STARTS


# the disk


def fill_disk() -> None:
    """Every write of a worker fails from now on, half done."""
    from experiments.store import files

    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files.write_bytes, files.real_write_bytes = full, files.write_bytes  # type: ignore[attr-defined]


def empty_disk() -> None:
    from experiments.store import files

    files.write_bytes = getattr(files, "real_write_bytes", files.write_bytes)


@pytest.mark.parametrize("source", [PROBED, TRAINED], ids=["probes", "runs"])
def test_a_full_disk_stops_the_sweep_and_loses_nothing(cluster, runs, tmp_path, source):
    few = source.replace("seeds = 2", "seeds = 1")
    before = swept(few, runs, cluster).ran
    whole = {
        path: path.stat().st_mtime_ns for path in (*runs.glob("probes/*/probe.json"), *runs.glob("*/progress.json"))
    }
    assert len(whole) == before
    cluster.wait_for_workers(2)  # one that an earlier test killed may be on its way back
    cluster.run(fill_disk)
    try:
        with pytest.raises(RecordingError, match=rf"no space left.* {before} of its {2 * before} runs are fini"):
            swept(source, runs, cluster)
    finally:
        cluster.run(empty_disk)
    assert not failures(SweepFolder(runs, "test")), "a full disk is not the run's fault"
    report = swept(source, runs, cluster)
    assert set(report.results.status) == {"finished"}
    assert {path: path.stat().st_mtime_ns for path in whole} == whole, "what was finished before has not run again"
    same_runs(runs, tmp_path / "serial", serial(source, tmp_path / "serial"))


def test_a_disk_that_refuses_the_client_is_one_sentence(cluster, runs):
    runs.parent.joinpath("runs").write_text("a file where the folder should be")
    with pytest.raises(RecordingError, match=r"^sweep test cannot be written to .*\.$"):
        swept(PROBED, runs, cluster)


# others


def test_the_same_sweep_twice_at_once_runs_nothing_twice(cluster, runs):
    reports: list[Report] = []

    def client() -> None:
        with Client(cluster.scheduler.address, set_as_default=False) as other:
            reports.append(swept(TRAINED, runs, other))

    both = [threading.Thread(target=client) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(reports) == 2
    for report in reports:
        assert set(report.results.status) == {"finished"}
        assert {open_run(runs / run.name).progress.attempt for run in report.results.plan.runs} == {1}


def test_a_run_that_another_process_holds_is_waited_for_not_run(cluster, runs):
    plan = plan_of(PROBED, "test")
    held = probe_file(runs, plan.runs[3].name).parent
    held.mkdir(parents=True)
    lease = Lease.acquire(held)
    done_before: list[int] = []

    def release(session: Session) -> None:
        if session.finished == len(plan.runs) - 1 and not done_before:
            assert not (held / "probe.json").exists()
            done_before.append(session.finished)
            lease.release()

    report = swept(PROBED, runs, cluster, watch=release)
    assert done_before == [15]
    assert set(report.results.status) == {"finished"}


def test_a_stop_commits_what_runs_and_says_how_to_go_on(cluster, runs):
    stop, source = threading.Event(), LONG.replace("seeds = 2", "seeds = 1").replace("[0.01, 0.1]", "[0.01]")
    cluster.run(commit_often)

    def watch(session: Session) -> None:
        if len(steps_done(runs)) == 2 and min(steps_done(runs)) > 10:
            stop.set()

    report = swept(source, runs, cluster, watch=watch, stop=stop)
    assert report.stopped
    assert set(report.results.status) == {"begun"}
    assert {open_run(runs / run.name).status for run in report.results.plan.runs} == {"interrupted"}
    said = ending(report, "python -m experiments sweep test.toml")
    assert "2 are left" in said
    assert said.endswith("the same command goes on: python -m experiments sweep test.toml")
    (session,) = sessions(SweepFolder(runs, "test"))
    assert session.ended == "was stopped"
    again = swept(source, runs, cluster)
    assert set(again.results.status) == {"finished"}
    assert {open_run(runs / run.name).progress.attempt for run in again.results.plan.runs} == {2}


# the index


def test_the_index_is_made_again_from_the_folders(cluster, runs):
    report = swept(PROBED, runs, cluster)
    folder = SweepFolder(runs, "test")
    assert load_results(folder).read == 0
    path = folder.path / "index.parquet"
    for content in (None, b"PAR1", path.read_bytes()[:99]):
        path.unlink() if content is None else path.write_bytes(content)
        results = load_results(folder)
        assert results.read == 16
        assert load_results(folder).read == 0
        for name, values in report.results.numbers.items():
            assert values.tobytes() == results.numbers[name].tobytes()


def test_a_damaged_or_missing_probe_is_made_again(cluster, runs):
    report = swept(PROBED, runs, cluster)
    first, second = (probe_file(runs, run.name) for run in report.results.plan.runs[:2])
    truth = read_probe(first).log_norm
    content = first.read_bytes()
    first.write_bytes(content.replace(b'"numbers"', b'"mumbers"'))
    shutil.rmtree(second.parent)
    results = load_results(SweepFolder(runs, "test"))
    assert results.status[:2].tolist() == ["begun", "planned"]
    again = swept(PROBED, runs, cluster)
    assert set(again.results.status) == {"finished"}
    assert again.ran == 2
    assert np.array_equal(read_probe(first).log_norm, truth)


# a cluster that does not fit


def test_a_worker_that_sees_another_folder_is_refused(cluster, tmp_path):
    mine = tmp_path / "runs" / "sweeps" / "test" / "sessions" / "token.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    check_workers(cluster, mine)
    cluster.run(hide, str(mine))
    try:
        with pytest.raises(ClusterError, match=r"does not see .* on storage that all share, at the same path") as error:
            check_workers(cluster, mine)
    finally:
        cluster.run(show)
    assert str(error.value).endswith(".")


def hide(path: str) -> None:
    """In a worker: that path is somewhere else."""
    real = Path.read_text
    Path.real_read_text = real  # type: ignore[attr-defined]
    Path.read_text = lambda self, **options: "other" if str(self) == path else real(self, **options)  # type: ignore[assignment,method-assign]


def show() -> None:
    Path.read_text = Path.real_read_text  # type: ignore[attr-defined,method-assign]


def test_workers_of_several_threads_are_refused(tmp_path):
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as wide,
        Client(wide, set_as_default=False) as client,
        pytest.raises(ClusterError, match="has 2 threads; it must have one"),
    ):
        check_workers(client, tmp_path / "none")


def test_no_scheduler_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "WAIT_SECONDS", 1.0)
    with pytest.raises(ClusterError, match=r"^--scheduler was 'tcp://127.0.0.1:1'; it must be the address"):
        clusters.reached("tcp://127.0.0.1:1")
