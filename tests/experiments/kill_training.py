"""Kill a training at random moments while a reader polls it; nothing committed may be lost, and no read may be bad.

    python tests/experiments/kill_training.py --kills 100

The interrupted run must end equal, bit for bit, to one that was never interrupted.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from experiments.config.run_config import RunConfig
from experiments.runs import recorder as recording
from experiments.runs.opening import open_run
from experiments.runs.store.checkpoint import load_checkpoint
from experiments.runs.store.errors import ForeignRunError
from experiments.runs.store.reader import RunReader
from experiments.runs.train import train
from experiments.runs.verify import verify

CLOCKS = ("seconds",)
"""What a run measures of the machine; everything else must be the same in every run."""


@dataclass(frozen=True)
class Report:
    """What happened."""

    kills: int
    during_creation: int
    during_commit: int
    """Kills that left files of a commit that did not happen."""
    reads: int
    attempts: int
    steps: int


def config(steps: int) -> RunConfig:
    """Small steps with all parts in use: half-filled chunks, evaluations, ranged lengths, an adaptive optimiser."""
    return RunConfig(
        cell="lstm",
        seq_len=6,
        seq_len_schedule="ranged",
        seq_len_min=3,
        hidden_size=6,
        batch_size=6,
        clip_threshold=0.5,
        record_every=1,
        record_samples=2,
        evaluate_every=50,
        evaluate_size=20,
        stop_on_success=False,
        steps=steps,
        seed=3,
    )


def work(folder: Path, steps: int, pause: float = 0.0) -> None:
    """Start the run or go on with it, committing all the time."""
    before = recording.COMMIT_SECONDS, recording.COMMIT_SHARE
    recording.COMMIT_SECONDS, recording.COMMIT_SHARE = 0.01, 0.5
    torch.set_num_threads(1)
    exists = folder.exists()
    recorder = recording.Recorder.resume(folder) if exists else recording.Recorder.start(config(steps), folder)
    try:
        train([recorder], lambda *_: time.sleep(pause))
    finally:
        recording.COMMIT_SECONDS, recording.COMMIT_SHARE = before


def read_all(run: RunReader, since: int) -> dict[str, np.ndarray]:
    """Everything that is committed, of the arrays from row `since` on."""
    arrays = {name: run.tensor(name)[since:] for name in run.tensors if run.tensor(name).dimensions[0] == "step"}
    return arrays | {f"scalar {name}": values for name, values in run.scalars().items()}


def kill(runs: Path, kills: int, steps: int, seed: int = 0) -> Report:
    """Kill the training so many times, then let it end.

    Raises:
        AssertionError: something committed was lost or read wrong, or the end differs.
    """
    dice, fork = random.Random(seed), multiprocessing.get_context("fork")
    whole, folder = runs / "whole", runs / "killed"
    work(whole, steps)
    truth = read_all(open_run(whole), 0)
    assert len(truth["step"]) == steps
    killed = creation = commit = reads = 0
    step = committed = 0
    while killed < kills:
        child = fork.Process(target=work, args=(folder, steps, 0.002))
        child.start()
        early, begun = killed % 4 == 0, step  # the others wait for a commit, however slow the machine is
        end = time.monotonic() + dice.uniform(0.0, 0.05 if early else 0.25)
        while time.monotonic() < end or not (early or step > begun):
            step, committed = poll(folder, truth, step, committed)
            reads += 1
            time.sleep(0.01)  # the child needs the core, too
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert child.exitcode == -signal.SIGKILL, "the training ended by itself"
        killed += 1
        creation += not folder.exists()
        commit += any(folder.rglob("*.partial"))
        step, committed = poll(folder, truth, step, committed)
        assert step < steps, "the run ended before all kills; give it more steps"
    work(folder, steps)
    run = open_run(folder)
    assert run.status == "finished"
    assert verify(run.folder).problems == ()
    same(read_all(run, 0), truth)
    ends = [
        load_checkpoint(r.folder, str(r.progress.checkpoint), r.progress.checkpoint_crc32)
        for r in (run, open_run(whole))
    ]
    assert ends[0].tensors.keys() == ends[1].tensors.keys()
    assert all(torch.equal(ends[0].tensors[name], ends[1].tensors[name]) for name in ends[0].tensors)
    return Report(killed, creation, commit, reads, run.progress.attempt, steps)


def poll(folder: Path, truth: dict[str, np.ndarray], step: int, committed: int) -> tuple[int, int]:
    """Read what is committed, compare it with the uninterrupted run, and see that it never shrinks."""
    try:
        run = open_run(folder)
    except ForeignRunError:
        assert step == 0, "a run that was there is gone"
        return 0, 0
    now = run.progress
    assert now.step >= step, f"committed step went back from {step} to {now.step}"
    assert now.committed >= committed
    assert now.committed == now.step, "every step of this run is recorded"
    since = max(0, now.committed - 100)
    for name, values in read_all(run, since).items():
        start = 0 if name.startswith("scalar") else since
        end = now.step if name.startswith("scalar") else now.committed
        if not name.endswith(CLOCKS):
            assert np.array_equal(values, truth[name][start:end], equal_nan=True), name
    assert all(event["step"] <= now.step for event in run.events())
    return now.step, now.committed


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Nothing, if both hold the same bits, but for clocks."""
    assert one.keys() == other.keys()
    for name in one:
        assert name.endswith(CLOCKS) or one[name].tobytes() == other[name].tobytes(), name


def main() -> None:
    """Kill as often as asked and print what happened."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as runs:
        print(kill(Path(runs), asked.kills, 40 * asked.kills, asked.seed))


if __name__ == "__main__":
    main()
