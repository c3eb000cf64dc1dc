"""A batch with sequences of unequal lengths: each sequence is as it is alone, and padding counts nowhere."""

import math

import numpy as np
import pytest
import torch

from analysis.numbers import log_quantile
from experiments.config.run_config import ConfigError, RunConfig
from experiments.probing.answers import exchanges
from experiments.probing.probe import probe
from experiments.probing.recorded import recorded_probe
from experiments.probing.summary import summary
from experiments.runs.opening import open_run
from experiments.runs.step_profiles import profile_at
from experiments.runs.train import Recorder, train
from experiments.tasks import make_task
from experiments.tasks.reversal import Reversal
from experiments.training.batches import draw_batch, draw_lengths, guess_loss
from experiments.training.success import evaluate
from experiments.training.training import Training

MIXED = {
    "seq_len_schedule": "mixed", "seq_len": 12, "seq_len_min": 3, "batch_size": 5, "hidden_size": 4,
    "dtype": "float64", "evaluate_every": None,
}  # fmt: skip
NETWORKS = {
    "one answer": {"task": "adding", "cell": "lstm"},
    "both directions": {"task": "temporal_order", "cell": "gru", "bidirectional": True, "num_layers": 2},
    "an answer at every timestep": {"task": "parity", "cell": "elman"},
    "a loss at every timestep": {"task": "adding", "cell": "elman", "loss_position": "every"},
    "several numbers": {"task": "ball", "cell": "gru"},
    "answers at the end": {"task": "copying", "cell": "mut1"},
    "an attention": {"task": "adding", "cell": "gru", "head": "attention"},
    "blocks": {"task": "parity", "cell": "lstm", "truncate": 4},
    "windows": {"task": "parity", "cell": "elman", "truncate": 4, "truncate_kind": "window"},
}  # fmt: skip


def mixed(**changes: object) -> RunConfig:
    return RunConfig.from_values({**MIXED, **changes})


@pytest.mark.parametrize("path", ["reference", "fast"])
@pytest.mark.parametrize("name", NETWORKS)
def test_each_sequence_of_a_mixed_batch_has_the_gradients_that_it_has_alone(name, path):
    found = probe(mixed(**NETWORKS[name]), path)
    experiment, trace = found.experiment, found.trace
    lengths = experiment.lengths
    assert lengths[0] == len(experiment.inputs)
    assert len(set(lengths.tolist())) > 1
    every = (experiment.config.loss_position or experiment.task.default_loss_position) == "every"
    weights = lengths.double() / lengths.sum() if every else torch.full((5,), 0.2, dtype=torch.float64)
    loss, grads = 0.0, {name: torch.zeros_like(grad) for name, grad in trace.parameter_grads.items()}
    for b, weight in enumerate(weights.tolist()):
        alone = experiment.sequence(b).record("reference")
        loss += weight * alone.loss_value
        for parameter, grad in alone.parameter_grads.items():
            grads[parameter] += weight * grad
        T = int(lengths[b])
        assert trace.log_norm[:, :T, b].numpy() == pytest.approx(
            alone.log_norm[:, :, 0].numpy() + math.log(weight), abs=1e-8
        )
        assert bool(trace.log_norm[:, T:, b].isnan().all())
        assert trace.outputs[:T, b].numpy() == pytest.approx(alone.outputs[:, 0].numpy(), abs=1e-12)
    assert trace.loss_value == pytest.approx(loss, rel=1e-12)
    for parameter, grad in grads.items():
        assert trace.parameter_grads[parameter].numpy() == pytest.approx(grad.numpy(), abs=1e-12)


def test_targets_of_the_last_timesteps_alone_are_refused():
    with pytest.raises(ConfigError, match="seq_len_schedule was 'mixed'"):
        draw_batch(mixed(), Reversal(), 5, 12, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["both directions", "answers at the end", "several numbers", "an attention"])
def test_an_evaluation_counts_no_padding(name):
    config = mixed(**NETWORKS[name], evaluate_size=7)
    task, model = make_task(config), probe(config).experiment.model
    found = evaluate(config, task, model, torch.Generator().manual_seed(3))
    batch = draw_batch(config, task, 7, config.seq_len, torch.Generator().manual_seed(3))
    losses, rights = [], []
    for b, T in enumerate(batch.lengths.tolist()):
        targets = batch.targets[..., [b]] if batch.targets.ndim == 1 else batch.targets[:T, ..., [b]]
        with torch.no_grad():
            outputs = model(batch.inputs[:T, [b]])
        every = task.default_loss_position == "every"
        losses += (task.losses(outputs, targets) if every else task.losses(outputs[-1:], targets)).flatten().tolist()
        asked = outputs if targets.ndim > 1 else outputs[-1:]
        right = task.correct(asked, targets)
        rights += right[task.asked(targets).expand_as(right)].tolist()
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert found.accuracy == pytest.approx(np.mean(rights))


def test_profile_gates_and_findings_count_no_padding():
    found = probe(mixed(task="adding", cell="lstm"))
    lengths = found.experiment.lengths.tolist()
    by_lag = np.full((12, 5), np.nan)
    for b, T in enumerate(lengths):
        by_lag[:T, b] = found.trace.log_norm[0, :T, b].numpy()[::-1]
    assert found.profile.median[::-1] == pytest.approx(log_quantile(by_lag, 0.5))
    assert found.profile.diverged == 0
    kept = np.concatenate([found.trace.gates["f"][0, :T, b].numpy() for b, T in enumerate(lengths)])
    assert found.gate_statistics.gates["f"].mean == pytest.approx(kept.mean())
    assert found.gate_statistics.time_constants.of_unit == pytest.approx(-1 / np.log(kept).mean(0))
    said = summary(found)
    assert "severe" not in {finding["severity"] for finding in said["findings"] if finding["kind"] == "diverged"}
    assert [len(e.answers) for e in exchanges(probe(mixed(task="parity", cell="elman")))] == lengths[:4]


def test_a_guess_is_weighed_by_the_lengths():
    config = mixed(task="copying", batch_size=4)
    task = make_task(config)
    drawn = torch.stack([draw_lengths(config, 4, torch.Generator().manual_seed(k)) for k in range(2000)]).double()
    # ten symbols cost ln 8 each in every sequence, whatever its length
    assert guess_loss(config, task) == pytest.approx(10 * math.log(8) * 4 / (drawn + 20).sum(1).mean().item(), rel=0.01)
    assert guess_loss(config.model_copy(update={"seq_len_schedule": "fixed"}), task) == task.chance(12)


def test_a_mixed_run_keeps_its_lengths(tmp_path):
    config = mixed(task="parity", cell="gru", steps=4, record_every=3, record_samples=None)
    seen = {}
    recorder = Recorder.start(config, tmp_path / "run")
    train([recorder], lambda recorder, step: seen.update({recorder.training.step: step}))
    run = open_run(tmp_path / "run")
    for row, step in enumerate((1, 4)):
        back, trace = recorded_probe(run, step), seen[step].trace
        lengths = trace.top.lengths
        assert back.experiment.lengths.tolist() == lengths.tolist() == run.tensor("lengths")[row].tolist()
        assert back.trace.outputs.numpy() == pytest.approx(seen[step].trace.outputs.numpy(), nan_ok=True)
        assert back.experiment.loss(back.trace.outputs).item() == pytest.approx(trace.loss_value)
        by_lag = trace.top.ended_together(trace.top.log_norm).numpy()
        for p in (back.profile, profile_at(run, row)):
            assert p.median == pytest.approx(log_quantile(by_lag, 0.5), rel=1e-6)
            assert p.diverged == 0
        assert run.tensor("log_norm_quantile")[row, 0, :, 1] == pytest.approx(log_quantile(by_lag, 0.5), rel=1e-6)
        assert np.isfinite(back.credit.total).all()
        assert "diverged" not in {finding.kind for finding in back.diagnosis}
    assert Training(config).chance == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seq_len": 2}, "seq_len_min was 3; it must be at most seq_len, which was 2, for a mixed schedule."),
        ({"task": "reversal"}, "task=reversal has a source and a target: choose seq_len_schedule=fixed or another"),
        ({"task": "next_character", "start": "carried"}, "it cannot be combined with start=carried: choose seq_len_sc"),
    ],
)  # fmt: skip
def test_what_unequal_lengths_do_not_go_with_is_one_sentence(changes, said):
    with pytest.raises(ConfigError) as refused:
        probe(mixed(**changes))
    assert said in str(refused.value)
