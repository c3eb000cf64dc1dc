"""What may go wrong under a sweep: workers die, the disk is full, the cluster does not fit."""

import errno
import os
import signal
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster, Security
from one_sentence import one_sentence
from sweeping import LONG, PROBED, TRAINED, commit_often, same_runs, serial, steps_done, swept

from experiments.runs.opening import open_run
from experiments.runs.store.errors import RecordingError
from experiments.sweeps import cluster as clusters
from experiments.sweeps import engine
from experiments.sweeps.cluster import ClusterError, check_workers
from experiments.sweeps.folder import Failure, Session, SweepFolder, failures
from experiments.sweeps.work import MOST_STARTS

pytestmark = pytest.mark.processes

# the disk


def fill_disk() -> None:
    """Every write of a worker fails from now on, half done."""
    from experiments.runs.store import files

    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files.write_bytes, files.real_write_bytes = full, files.write_bytes


def empty_disk() -> None:
    from experiments.runs.store import files

    files.write_bytes = getattr(files, "real_write_bytes", files.write_bytes)


@pytest.mark.parametrize("source", [PROBED, TRAINED], ids=["probes", "runs"])
def test_a_full_disk_stops_the_sweep_and_loses_nothing(cluster, runs, tmp_path, source):
    few = source.replace("seeds = 2", "seeds = 1")
    before = swept(few, runs, cluster).ran
    whole = {
        path: path.stat().st_mtime_ns for path in (*runs.glob("probes/*/probe.json"), *runs.glob("*/progress.json"))
    }
    assert len(whole) == before
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


# a cluster that does not fit


def test_a_worker_that_sees_another_folder_is_refused(cluster, tmp_path):
    mine = tmp_path / "runs" / "sweeps" / "test" / "sessions" / "token.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    check_workers(cluster, mine)
    cluster.run(hide, str(mine))
    try:
        with pytest.raises(
            ClusterError, match=r"does not see .* as this machine does; the folder of runs must be on shared storage"
        ) as error:
            check_workers(cluster, mine)
    finally:
        cluster.run(show)
    assert str(error.value).endswith(".")


def hide(path: str) -> None:
    """In a worker: that path is somewhere else."""
    real = Path.read_text
    Path.real_read_text = real
    Path.read_text = lambda self, **options: "other" if str(self) == path else real(self, **options)


def show() -> None:
    Path.read_text = Path.real_read_text


def test_workers_of_several_threads_are_refused(tmp_path):
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as wide,
        Client(wide, set_as_default=False) as client,
        pytest.raises(ClusterError, match="has 2 threads; it must have one"),
    ):
        check_workers(client, tmp_path / "none")


@pytest.mark.parametrize("memory", ["1KiB", "-1GiB", "0.0000001", "nan", "1e400", "much"])
def test_too_little_memory_for_a_worker_is_refused_before_it_is_started(memory):
    with pytest.raises(
        ClusterError, match=rf"^--memory was '{memory}'; it must be a size of at least 450 MiB"
    ) as error:
        clusters.check_worker_memory(memory)
    one_sentence(error)


def test_memory_divided_into_too_little_says_how_much(monkeypatch):
    monkeypatch.setattr(clusters, "LEAST_MEMORY", 2**60)
    with pytest.raises(ClusterError, match=r"^--memory was 'auto', which leaves a worker .* on this machine; it must"):
        clusters.check_worker_memory("auto")


def test_no_scheduler_is_one_sentence(monkeypatch):
    monkeypatch.setattr(clusters, "WAIT_SECONDS", 1.0)
    with pytest.raises(ClusterError, match=r"^--scheduler was 'tcp://127.0.0.1:1'; it must be the address"):
        clusters.reached("tcp://127.0.0.1:1")


MALFORMED = ["x", "", "tcp://", "tcp://10.0.0.1", "tcp://10.0.0.1:0", "tcp://10.0.0.1:99999", "http://10.0.0.1:80",
             "ucx://10.0.0.1:1", "tcp://10.0.0.1:1:2", "tcp://10.0.0.1:x", "tcp://a b:1"]  # fmt: skip


@pytest.mark.parametrize("address", MALFORMED)
def test_an_address_that_is_none_is_refused_without_a_word_to_dask(monkeypatch, address):
    monkeypatch.setattr(clusters, "Client", lambda *_, **__: pytest.fail("a client waits for seconds"))
    with pytest.raises(ClusterError, match=r"^--scheduler was .* it must be an address with a port, such as") as error:
        clusters.reached(address)
    one_sentence(error)


@pytest.mark.parametrize("address", ["10.0.0.1:8786", "tcp://host-1.lan:8786", "tcp://[::1]:8786"])
def test_an_address_with_a_port_is_taken(address):
    clusters.check_address(address)


@pytest.mark.parametrize(
    ("certificate", "said"),
    [(None, "names no certificates; set distributed.comm.tls"), ("/nowhere", "cannot be used .* correct distributed")],
)
def test_tls_without_certificates_is_one_sentence(certificate, said):
    keys = {f"distributed.comm.tls.{name}": certificate for name in ("ca-file", "client.key", "client.cert")}
    with dask.config.set(keys), pytest.raises(ClusterError, match=said) as error:
        clusters.reached("tls://127.0.0.1:1")
    one_sentence(error)


def test_a_worker_that_dies_at_the_start_is_one_sentence():
    with (
        dask.config.set({"distributed.worker.preload": ["import os; os._exit(3)"]}),
        pytest.raises(ClusterError, match=r"^the sweep's 1 worker did not start \(RuntimeError: Nanny failed") as error,
        clusters.connected(1),
    ):
        pass
    one_sentence(error)


def test_a_local_cluster_takes_nothing_from_others(cluster):
    """Its scheduler speaks TLS with a certificate of its own; a client without that is turned away."""
    address = cluster.scheduler.address
    assert address.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError, match=r"(?i)timed out|failed|closed"):
        Client(address.replace("tls://", "tcp://"), timeout=1, set_as_default=False)
    with pytest.raises(OSError, match="TLS certificate does not match"):
        Client(address, timeout=1, set_as_default=False, security=Security.temporary())


# workers, last: one that was killed may be on its way back, or may not come back at all


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


def test_a_worker_that_dies_while_it_is_asked_gets_no_runs(cluster, tmp_path, monkeypatch):
    session, look, asked = tmp_path / "token.json", clusters.look, tmp_path / "asked"
    victim = min(worker_pids(cluster).values())
    session.touch()

    def look_or_die(path: str) -> dict[str, str]:
        if os.getpid() == victim:
            asked.touch()
            os._exit(1)
        return look(path)

    monkeypatch.setattr(clusters, "look", look_or_die)
    check_workers(cluster, session)
    assert asked.exists()
    assert victim not in cluster.run(os.getpid, on_error="return").values()


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


def test_a_cluster_whose_workers_do_not_come_back_is_one_sentence_and_keeps_what_is_finished(runs, monkeypatch):
    monkeypatch.setattr(engine, "WORKERLESS_SECONDS", 1.0)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as small,
        Client(small, set_as_default=False) as client,
    ):

        def retire(session: Session) -> None:
            if session.finished:
                client.retire_workers(close_workers=True)

        with pytest.raises(
            ClusterError, match=r"^all workers are gone, and none has come back for 1 s\. Finished runs are kept"
        ):
            swept(LONG, runs, client, watch=retire)
    statuses = [open_run(path.parent).status for path in runs.glob("[!.]*/progress.json")]
    assert "finished" in statuses
