"""What kills, disks and users do to the run of a watched training: the folder stays readable, the training goes on."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from one_sentence import one_sentence
from torch import nn
from watching import train_watched

from experiments.probing.watched import recorded_pass
from experiments.runs import module_form, recorder
from experiments.runs.opening import open_run
from experiments.runs.recorder import Recorder
from experiments.runs.store import files
from experiments.runs.store.errors import ForeignRunError, RunError, RunExistsError
from experiments.runs.verify import verify
from models import AlertError, clipping_engaged, watch

ROOT = Path(__file__).resolve().parents[2]


def train_without_end(folder: Path) -> None:
    """Somebody's own training, which commits all the time."""
    recorder.COMMIT_SECONDS, recorder.COMMIT_SHARE = 0.005, 1.0
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = nn.GRU(2, 3)
    optimiser = torch.optim.SGD(network.parameters(), 0.01)
    seen = watch(network, run=folder)
    while True:
        loss = network(torch.ones(5, 2, 2))[0].square().mean()
        optimiser.zero_grad()
        loss.backward()
        seen.log(loss=loss)
        optimiser.step()


@pytest.mark.processes
def test_a_killed_process_leaves_a_folder_that_can_be_read(tmp_path):
    """Twice, while a reader polls: what is committed never shrinks, and every checksum fits."""
    fork = multiprocessing.get_context("fork")
    truth: dict[int, float] = {}
    for kill in range(2):
        folder, committed = tmp_path / f"mine-{kill}", 0
        child = fork.Process(target=train_without_end, args=(folder,), daemon=True)
        child.start()
        while committed < 2:
            try:
                run = open_run(folder)
            except ForeignRunError:
                time.sleep(0.005)
                continue
            assert run.progress.committed >= committed
            assert run.status == "running" or not run.progress.committed
            committed = run.progress.committed
            assert run.tensor("step")[:].tolist() == list(range(1, committed + 1))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        run = open_run(folder)
        assert run.status == "interrupted"
        assert run.progress.committed >= committed
        assert verify(folder).problems == ()
        scalars = run.scalars()
        assert scalars["step"].tolist() == list(range(1, len(scalars["step"]) + 1))
        assert run.progress.step - len(scalars["step"]) <= 1, "the present step's line is not over"
        assert recorded_pass(run).profile.median.shape == (5,)
        for step, loss in zip(scalars["step"].tolist(), scalars["loss"].tolist(), strict=True):
            assert truth.setdefault(step, loss) == loss, "every attempt is the same training"


PROGRAM = """
import sys, torch
from models import watch
network = torch.nn.GRU(2, 3)
seen = watch(network, run=sys.argv[1])
for step in range(3):
    loss = network(torch.ones(5, 2, 2))[0].sum()
    loss.backward()
    seen.log(loss=loss)
if len(sys.argv) > 2:
    raise KeyError("their own mistake")
"""


@pytest.mark.processes
@pytest.mark.parametrize(("words", "status"), [((), "finished"), (("fail",), "failed")])
def test_a_program_that_ends_without_closing_loses_nothing(tmp_path, words, status):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "mine"), *words]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    run = open_run(tmp_path / "mine")
    assert (run.status, run.progress.step, run.progress.committed) == (status, 3, 3)
    assert len(run.scalars()["loss"]) == 3
    assert verify(run.folder).problems == ()
    assert ("KeyError: 'their own mistake'" in run.progress.reason) == (status == "failed")


def test_a_disk_that_refuses_ends_the_record_and_not_the_training(tmp_path, monkeypatch):
    network, real, left = nn.GRU(2, 3), files.write_bytes, [100]

    def write(path, content):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(path, content)

    monkeypatch.setattr(files, "write_bytes", write)
    monkeypatch.setattr(recorder, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(recorder, "COMMIT_SHARE", 1e9)
    with pytest.warns(
        UserWarning, match="The training continues, but it is no longer recorded: .*no space left"
    ) as told:
        _, traces = train_watched(network, [lambda: network(torch.ones(5, 2, 2))[0].sum()] * 6, tmp_path / "mine")
    assert len(traces) == 6
    assert len(told) == 1
    monkeypatch.undo()
    run = open_run(tmp_path / "mine")
    assert 1 <= run.progress.committed < 6
    assert verify(run.folder).problems == ()


@pytest.mark.processes
def test_a_forked_child_writes_nothing_into_the_run_of_its_parent(tmp_path):
    network = nn.GRU(2, 3)
    seen = watch(network, run=tmp_path / "mine")
    network(torch.ones(5, 2, 2))[0].sum().backward()
    child = os.fork()
    if child == 0:
        seen.log(loss=1.0)
        seen.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert open_run(tmp_path / "mine").status == "running"
    seen.close()
    run = open_run(tmp_path / "mine")
    assert (run.status, run.scalars()) == ("finished", {})


def test_inf_in_the_states_is_recorded_and_told_once(tmp_path):
    torch.manual_seed(0)  # of other weights all units may be off
    network = nn.RNN(2, 3, nonlinearity="relu")
    with torch.no_grad():
        network.weight_hh_l0.fill_(1e30)
    run, _ = train_watched(network, [lambda: network(torch.ones(5, 2, 2))[0][0].sum()] * 3, tmp_path / "mine")
    (event,) = [e for e in run.events() if e["kind"] == "nonfinite"]
    assert "Inf or NaN first in the states of layer 1, at t = " in event["text"]
    assert run.progress.committed == 3
    assert next(f.kind for f in recorded_pass(run, 1).findings) == "diverged"


def test_an_error_of_the_user_s_own_is_in_the_record(tmp_path):
    network = nn.GRU(2, 3)
    with pytest.raises(ZeroDivisionError), watch(network, run=tmp_path / "mine"):
        network(torch.ones(5, 2, 2))[0].sum().backward() or 1 / 0
    run = open_run(tmp_path / "mine")
    assert (run.status, run.progress.reason) == ("failed", "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("name", ["sweeps", "a b", ".hidden", "x" * 101])
def test_a_name_that_no_run_can_have_is_refused_at_once(tmp_path, name):
    with pytest.raises(ValueError, match="it must end in a name of letters, digits, dots and dashes") as error:
        watch(nn.GRU(2, 3), run=tmp_path / name)
    one_sentence(error)


@pytest.mark.parametrize("where", ["/proc/nowhere/mine", "a_file/mine"])
def test_a_folder_that_cannot_be_written_is_refused_before_the_training(tmp_path, where):
    (tmp_path / "a_file").touch()
    with pytest.raises(ValueError, match=r"run cannot be kept in .*; give run= another folder") as error:
        watch(nn.GRU(2, 3), run=tmp_path / where)
    one_sentence(error)


def test_a_run_that_exists_is_refused_at_once_and_left_alone(tmp_path):
    network = nn.GRU(2, 3)
    train_watched(network, [lambda: network(torch.ones(5, 2, 2))[0].sum()], tmp_path / "mine")
    before = (tmp_path / "mine" / "progress.json").read_bytes()
    with pytest.raises(RunExistsError, match="exists already; give run= another name, or delete that run") as error:
        watch(network, run=tmp_path / "mine")
    one_sentence(error)
    assert (tmp_path / "mine" / "progress.json").read_bytes() == before


def test_what_is_about_a_run_needs_one():
    for options in ({"title": "a title"}, {"units": 3}, {"timesteps": 9}):
        with pytest.raises(ValueError, match="it needs run=; add run="):
            watch(nn.GRU(2, 3), **options)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("module", "options", "words"),
    [
        (nn.GRU(2, 3), {"every": None}, "every was None; it must be a whole number"),
        (nn.GRU(2, 3), {"run": "runs/mine", "title": 5}, "title was 5; it must be text"),
        (nn.GRU(2, 3), {"run": ""}, "run was empty; it must be the path of a folder"),
        (nn.LSTM, {}, "module was <class .*LSTM'>; it must be a torch module, such as"),
        ([nn.GRU(2, 3)], {}, "module was .*; it must be a torch module"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(module, options, words):
    with pytest.raises(ValueError, match=words) as error:
        watch(module, **options)
    one_sentence(error)


def test_only_its_own_program_goes_on_with_a_watched_training(tmp_path):
    network = nn.GRU(2, 3)
    run, _ = train_watched(network, [lambda: network(torch.ones(5, 2, 2))[0].sum()], tmp_path / "mine")
    with pytest.raises(RunError, match="was recorded by another program, so it has no configuration") as error:
        Recorder.resume(run.folder)
    one_sentence(error)


def test_a_step_that_is_too_large_for_the_disk_says_what_to_choose(tmp_path, monkeypatch):
    monkeypatch.setattr(module_form, "LARGEST_ROW", 20_000)
    network = nn.GRU(2, 3)
    with (
        pytest.warns(UserWarning, match=r"a recorded step would take .*; watch\(..., samples=\d+\) fits") as told,
        watch(network, run=tmp_path / "many", samples=8),
    ):
        network(torch.ones(50, 8, 2))[0].sum().backward()
    fits = int(str(told[0].message).split("samples=")[1].split(")")[0])
    run, _ = train_watched(network, [lambda: network(torch.ones(50, 8, 2))[0].sum()], tmp_path / "some", samples=fits)
    assert run.form.samples == list(range(fits))
    with (
        pytest.warns(UserWarning, match=rf"samples={fits}\) fits"),
        watch(network, run=tmp_path / "more", samples=fits + 1),
    ):
        network(torch.ones(50, 8, 2))[0].sum().backward()


def test_numbers_are_kept_by_their_names_and_inf_is_a_number(tmp_path):
    network = nn.GRU(2, 3)
    with watch(network, run=tmp_path / "mine", every=2) as seen:
        for step in range(4):
            network(torch.ones(5, 2, 2))[0].sum().backward()
            seen.log(loss=torch.tensor(float("inf") if step == 2 else step), accuracy=step / 4)
            if step == 1:
                seen.log(rare=np.float32(7))
    scalars = open_run(tmp_path / "mine").scalars()
    assert scalars["loss"].tolist() == [0, 1, np.inf, 3]
    assert scalars["accuracy"].tolist() == [0, 0.25, 0.5, 0.75]
    assert np.array_equal(scalars["rare"], [np.nan, 7, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"loss": "low"}, "loss was 'low'; it must be a number"),
        ({"loss": torch.zeros(2)}, "loss was a tensor of the shape"),
        ({"step": 1}, "step is a name that a run has already"),
        ({"long" * 16: 1}, "a name has 1 to 60 characters of ASCII"),
        ({"l\u00f6ss": 1}, "a name has 1 to 60 characters of ASCII"),
    ],
)
def test_what_is_no_number_or_too_much_is_refused(tmp_path, values, words):
    network = nn.GRU(2, 3)
    with watch(network, run=tmp_path / "mine") as seen:
        network(torch.ones(5, 2, 2))[0].sum().backward()
        with pytest.raises(ValueError, match=words):
            seen.log(**values)
        seen.log(loss=1.0)
    assert open_run(tmp_path / "mine").scalars()["loss"].tolist() == [1.0]


def test_many_names_are_refused_before_the_folder_is_unreadable(tmp_path):
    network = nn.GRU(2, 3)
    with watch(network, run=tmp_path / "mine") as seen:
        network(torch.ones(5, 2, 2))[0].sum().backward()
        seen.log(**{f"{'a' * 58}{k:02}": -1.2345678901234567e-300 for k in range(60)})
        network(torch.ones(5, 2, 2))[0].sum().backward()
        with pytest.raises(ValueError, match="61 names were logged; a run has at most 60"):
            seen.log(one_more=1)
    assert len(open_run(tmp_path / "mine").scalars()) == 61


def test_an_alert_tells_of_clipping_and_the_record_has_it(tmp_path):
    network = nn.GRU(2, 3)
    with watch(network, run=tmp_path / "mine") as seen:
        seen.alert(clipping_engaged(0.75, steps=4))
        for norm in (5, 0.5, 5):
            network(torch.ones(5, 2, 2))[0].sum().backward()
            seen.log(grad_norm=norm, clip=1.0)
        network(torch.ones(5, 2, 2))[0].sum().backward()
        with pytest.raises(AlertError, match="clipping engaged in 3 of the last 4 steps"):
            seen.log(grad_norm=5, clip=1.0)
    (event,) = [e for e in open_run(tmp_path / "mine").events() if e["kind"] == "alert"]
    assert (event["step"], event["text"]) == (4, "the watched module: clipping engaged in 3 of the last 4 steps.")
