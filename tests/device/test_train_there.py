"""A run on another device: the losses, the recorded steps and the checkpoint of the same run on the CPU."""

import emulated
import numpy as np
import pytest
import torch

from experiments.config.run_config import ConfigError, RunConfig
from experiments.probing.recorded import recorded_probe
from experiments.runs.opening import open_run
from experiments.runs.recorder import Recorder
from experiments.runs.train import train
from experiments.sweeps.estimate import build_path, timed_step
from experiments.training import place
from experiments.training.training import Training

SMALL = {
    "cell": "gru", "seq_len": 8, "batch_size": 4, "hidden_size": 5, "steps": 6, "record_every": 2, "evaluate_every": 3,
    "evaluate_size": 10, "dtype": "float64",
}  # fmt: skip
KINDS = [
    {},
    {"cell": "lstm", "num_layers": 2, "bidirectional": True, "optimiser": "momentum"},
    {"cell": "elman", "clip_rule": "per_step", "clip_threshold": 0.01},
    {"seq_len_schedule": "mixed", "seq_len_min": 3},
    {"task": "next_character", "start": "carried"},
    {"task": "reversal", "network": "encoder_decoder", "attention": "dot"},
    {"cell": "elman", "penalty_weight": 1.0},
    {"cell": "elman", "floss_steps": 3, "floss_exponents": 2},
    {"head": "attention"},
]


def trained(device, folder, kind):
    config = RunConfig.from_values({**SMALL, **kind, "device": device})
    recorder = Recorder.start(config, folder, path="reference")
    train([recorder])
    return open_run(folder)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_run_is_that_of_the_cpu(tmp_path, kind):
    here = trained("cpu", tmp_path / "cpu", kind)
    for device in emulated.DEVICES:
        there = trained(device, tmp_path / device, kind)
        assert there.form == here.form
        for name in there.layout.every_spec:
            if name != "seconds":
                np.testing.assert_allclose(there.tensor(name), here.tensor(name), rtol=1e-6, atol=1e-9, err_msg=name)


def test_it_is_looked_at_on_the_cpu_and_goes_on_on_its_device(tmp_path):
    folder = tmp_path / "run"
    config = RunConfig.from_values({**SMALL, "device": emulated.NAME})
    recorder = Recorder.start(config, folder)
    with recorder:
        for _ in range(3):
            recorder.turn()
    recorder = Recorder.resume(folder)
    assert recorder.training.device.type == emulated.NAME
    train([recorder])
    whole = trained(emulated.NAME, tmp_path / "whole", {})
    run = open_run(folder)
    np.testing.assert_array_equal(run.tensor("log_norm"), whole.tensor("log_norm"))
    assert recorded_probe(run, 5).layer.hidden.is_cpu


def test_without_its_device_only_a_run_that_has_finished_is_taken_up(tmp_path, monkeypatch):
    trained(emulated.NAME, tmp_path / "whole", {})
    with Recorder.start(RunConfig.from_values({**SMALL, "device": emulated.NAME}), tmp_path / "half") as recorder:
        recorder.turn()
    of_device = place.torch.device
    monkeypatch.setattr(place.torch, "device", lambda name: of_device("nowhere" if name == emulated.NAME else name))
    with pytest.raises(ConfigError, match="or go on with a run that began there on such a machine"):
        Recorder.resume(tmp_path / "half")
    with Recorder.resume(tmp_path / "whole") as recorder:
        assert recorder.ended


def test_the_time_of_a_step_is_measured_there():
    config = RunConfig.from_values({**SMALL, "device": emulated.NAME})
    assert build_path(config) == "reference"
    assert timed_step(config) > 0


@pytest.mark.parametrize("device", ["nowhere", "meta", "hpu"])
def test_a_device_that_is_not_here_is_refused(device):
    with pytest.raises(ConfigError, match=f"device was '{device}', which torch cannot use on this machine"):
        Training(RunConfig.from_values({**SMALL, "device": device}))


def test_weights_and_batches_are_there():
    training = Training(RunConfig.from_values({**SMALL, "device": emulated.NAME}))
    step = training.advance()
    assert {x.device.type for x in (step.inputs, step.targets, step.trace.top.hidden)} == {emulated.NAME}
    assert all(tensor.is_cpu for tensor in training.checkpoint().tensors.values())
    assert torch.float64 == step.trace.outputs.dtype
