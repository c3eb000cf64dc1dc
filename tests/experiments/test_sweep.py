"""A sweep on a real cluster of two worker processes: what it runs, what it leaves to others, what it keeps."""

import shutil
import threading

import numpy as np
import pytest
from distributed import Client
from sweeping import LONG, PROBED, TRAINED, commit_often, same_runs, serial, steps_done, swept
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.runs.opening import open_run
from experiments.runs.store.lease import Lease
from experiments.sweeps.engine import Report
from experiments.sweeps.folder import Failure, Session, SweepFolder, failures, sessions
from experiments.sweeps.index import load_results
from experiments.sweeps.plan import plan_of
from experiments.sweeps.probes import probe_file, read_probe
from experiments.sweeps.progress import ending

pytestmark = pytest.mark.processes

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
        assert ("it needs a gate that keeps the state" in report.results.errors.get(run.name, "")) == chrono
    assert {f.run for f in seen} == set(report.results.errors) == set(failures(SweepFolder(runs, "test")))
    assert "Traceback" in seen[0].trace
    assert swept(source, runs, cluster).ran == 0, "a failed run is not tried again by itself"
    seen.clear()
    swept(source, runs, cluster, retry=True, fail=seen.append)
    assert {f.run for f in seen} == set(report.results.errors)


# others


def test_the_same_sweep_twice_at_once_runs_nothing_twice(cluster, runs):
    reports: list[Report] = []

    def client() -> None:
        with Client(cluster.scheduler.address, security=cluster.security, set_as_default=False) as other:
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
    assert said.endswith("Continue with: python -m experiments sweep test.toml")
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
