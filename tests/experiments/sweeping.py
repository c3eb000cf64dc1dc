"""Small sweeps, brought to their end on a cluster or one run after the other, and whether the two are the same."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from distributed import Client
from kill_training import read_all, same

from experiments.runs import recorder
from experiments.runs.opening import open_run
from experiments.sweeps.engine import Report, run_sweep
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.plan import Plan, plan_of
from experiments.sweeps.probes import probe_file, read_probe
from experiments.sweeps.work import Work, perform

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


def commit_often() -> None:
    """In a worker: many commits in a run of a second."""
    recorder.COMMIT_SECONDS, recorder.COMMIT_SHARE = 0.05, 0.5


COMMITTING_OFTEN = {**os.environ, "DASK_DISTRIBUTED__WORKER__PRELOAD": str(Path(__file__).with_name("commit_often.py"))}
"""The environment of a process whose Dask workers commit often."""


def swept(source: str, runs: Path, client: Client, name: str = "test", **options: Any) -> Report:
    """The sweep, brought to its end."""
    stop = options.pop("stop", threading.Event())
    return run_sweep(plan_of(source, name), SweepFolder(runs, name), client, stop, **options)


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
