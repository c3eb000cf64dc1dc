"""A page starts what the machine bears; on a shared server, what leaves room for others."""

from collections import namedtuple

import pytest

from dashboard.server import quotas
from dashboard.server.quotas import check_queue, check_runs
from dashboard.train.job_queue import Job
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.disk import run_bytes
from experiments.runs.train import Recorder, train

SMALL = RunConfig(seq_len=10, hidden_size=8, batch_size=4, steps=50)


@pytest.mark.parametrize("personal", [True, False])
def test_the_defaults_of_the_page_may_be_started(tmp_path, personal):
    classic = RunConfig(task="temporal_order", cell="elman", seq_len=30, hidden_size=50, steps=30_000, record_every=50)
    check_runs([classic, SMALL], tmp_path / "not" / "yet", personal)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seq_len": 1001}, "seq_len was 1,001; a run from a page allows at most 1,000."),
        ({"steps": 10_000_000}, "steps was 10,000,000"),
        ({"hidden_size": 4096}, "hidden_size was 4,096"),
        ({"batch_size": 4096}, "batch_size was 4,096"),
    ],
)
@pytest.mark.parametrize("personal", [True, False])
def test_what_no_field_of_the_page_allows_is_refused(tmp_path, change, sentence, personal):
    with pytest.raises(ConfigError) as refusal:
        check_runs([SMALL.model_copy(update=change)], tmp_path, personal)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seq_len": 1000, "hidden_size": 512, "batch_size": 256}, "320 MiB"),
        ({"record_every": 1, "steps": 100_000}, "Record fewer steps"),
        ({"task": "next_character", "text_file": "/etc/hostname"}, "does not open text files"),
    ],
)
def test_a_shared_server_refuses_large_runs_and_its_own_files(tmp_path, change, sentence):
    with pytest.raises(ConfigError) as refusal:
        check_runs([SMALL.model_copy(update=change)], tmp_path, personal=False)
    assert sentence in str(refusal.value)
    assert "/etc" not in str(refusal.value)


def test_a_disk_that_is_almost_full_is_spared(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(quotas.shutil, "disk_usage", lambda folder: usage(2**40, 2**40, quotas.SPARED))
    with pytest.raises(ConfigError, match="almost full"):
        check_runs([SMALL], tmp_path, personal=True)


def test_a_visitor_has_three_starts_and_the_queue_fifty():
    own = [Job((f"r{k}",), "a", []) for k in range(3)]
    check_queue(own[:1], own[1:2], "a", personal=False)
    with pytest.raises(ConfigError, match="3 starts"):
        check_queue(own[:1], own[1:], "a", personal=False)
    check_queue(own[:1], own[1:], "b", personal=False)
    check_queue(own[:1], own[1:], "a", personal=True)
    with pytest.raises(ConfigError, match="queue is full"):
        check_queue([Job((f"r{k}",), f"v{k}", []) for k in range(50)], [], "new", personal=True)


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_the_estimate_of_a_run_on_the_disk_lies_above_and_near(tmp_path, cell):
    config = SMALL.model_copy(
        update={"cell": cell, "seq_len": 5, "steps": 70, "record_every": 1, "evaluate_every": None}
    )
    train([Recorder.start(config, tmp_path / "r")])
    used = sum(file.stat().st_size for file in (tmp_path / "r").rglob("*") if file.is_file())
    assert used <= run_bytes(config) <= 4 * used
