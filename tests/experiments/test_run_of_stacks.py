"""A run of an encoder-decoder keeps both stacks: a recorded step is what `record` gave, stack by stack."""

import numpy as np
import pytest
import torch

from experiments.config.run_config import RunConfig
from experiments.probing.recorded import recorded_probe
from experiments.runs.opening import open_run
from experiments.runs.store.errors import ForeignRunError
from experiments.runs.train import Recorder, train
from experiments.runs.verify import verify
from experiments.training.training import Training
from models.bptt.scaled import true_value

SMALL = {
    "task": "reversal", "network": "encoder_decoder", "cell": "lstm", "seq_len": 6, "hidden_size": 5, "batch_size": 4,
    "steps": 4, "record_every": 1, "record_samples": 2, "evaluate_every": None, "num_layers": 2, "dtype": "float64",
}  # fmt: skip


def config(**values):
    return RunConfig.from_values({**SMALL, **values})


@pytest.mark.parametrize("attention", [None, "dot", "bahdanau"])
def test_a_recorded_step_gives_back_both_stacks(tmp_path, attention):
    settings = config(attention=attention)
    train([Recorder.start(settings, tmp_path / "run")])
    run = open_run(tmp_path / "run")
    assert list(run.forms) == ["decoder", "encoder"]
    assert verify(tmp_path / "run").problems == ()

    training = Training(settings)
    for _ in range(2):
        training.update(training.advance().clipping.grads)
    wanted = training.advance().trace
    found = recorded_probe(run, 3)
    assert found.trace.loss_value == pytest.approx(wanted.loss_value, rel=1e-12)
    assert torch.allclose(found.whole.outputs, wanted.outputs[:, [0, 3]], rtol=0, atol=1e-12)
    if attention is not None:
        assert torch.allclose(found.whole.attention, wanted.attention[:, [0, 3]], rtol=0, atol=1e-12)
    for name, stack in wanted.stacks.items():
        one = found.of_stack(name)
        for layer, kept in zip(stack.layers, one.trace.layers, strict=True):
            for ours, theirs in (
                (kept.inputs, layer.inputs),
                (kept.hidden, layer.hidden),
                (kept.before[1], layer.before[1]),
            ):
                assert torch.allclose(ours, theirs[:, [0, 3]], rtol=0, atol=1e-12)
            assert torch.allclose(
                true_value(kept.total[0]), true_value(layer.total[0])[:, [0, 3]], rtol=1e-10, atol=1e-14
            )
            assert torch.allclose(true_value(kept.grad_start[0]), true_value(layer.grad_start[0])[[0, 3]], rtol=1e-10)
        assert np.allclose(one.profile.median, np.median(stack.top.log_norm.numpy(), axis=1), atol=0.3)
        assert one.findings is not None
        seen = recorded_probe(run.of(name), 3)
        assert list(seen.trace.stacks) == [name]


def test_an_interrupted_run_goes_on_with_both_stacks(tmp_path):
    settings = config(attention="dot")
    with Recorder.start(settings, tmp_path / "cut") as recorder:
        for _ in range(2):
            recorder.turn()
    train([Recorder.resume(tmp_path / "cut")])
    train([Recorder.start(settings, tmp_path / "whole")])
    cut, whole = open_run(tmp_path / "cut"), open_run(tmp_path / "whole")
    for name in ("hidden", "hidden_2", "gradients_2", "weights"):
        assert np.array_equal(cut.tensor(name)[:], whole.tensor(name)[:]), name


def test_a_folder_that_says_other_stacks_than_its_settings_is_refused(tmp_path):
    train([Recorder.start(config(), tmp_path / "run")])
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"encoder":{"cell"', '"encoded":{"cell"'))
    with pytest.raises(ForeignRunError, match="others is wrong"):
        open_run(tmp_path / "run")


@pytest.mark.parametrize(
    "values",
    [
        {"task": "adding", "network": "sequence", "head": "attention"},
        {"network": "sequence"},
        {"network": "sequence", "head": "dense"},
    ],
)
def test_other_heads_and_a_source_without_an_encoder_are_recorded_too(tmp_path, values):
    train([Recorder.start(config(**values), tmp_path / "run")])
    run = open_run(tmp_path / "run")
    found = recorded_probe(run, 2)
    again = recorded_probe(run, 2).experiment
    assert torch.allclose(
        again.task.losses(found.trace.outputs, again.targets).sum(),
        again.task.losses(again.model(again.inputs), again.targets).sum(),
    )
    assert list(run.forms) == ["recurrent"]
