"""What ends a run: it has solved its task, or Inf and NaN have appeared."""

import math

import numpy as np
import pytest
import torch

from analysis.clipping import clip
from experiments.runs.findings import run_findings
from experiments.training import success
from experiments.training.build import build
from experiments.training.training import Training
from models import record

# evaluation and success


def test_evaluation_does_not_disturb_the_training_data(trained, tmp_path):
    often, never = trained(evaluate_every=5), trained(tmp_path / "never", evaluate_every=None)
    assert np.array_equal(often.scalars()["loss"], never.scalars()["loss"])
    assert "evaluation_loss" not in never.scalars()


def test_evaluation_in_parts_is_the_mean_over_all(tiny, monkeypatch):
    config = tiny(evaluate_size=25)
    experiment = build(config)

    def draw():
        return success.evaluate(config, experiment.task, experiment.model, torch.Generator().manual_seed(5))

    generator = torch.Generator().manual_seed(5)
    inputs, targets = experiment.task.sample(25, config.seq_len, generator)
    whole = experiment.task.loss(experiment.model(inputs), targets).item()
    assert draw().loss == pytest.approx(whole, rel=1e-5)
    monkeypatch.setattr(success, "LARGEST_PART", 8 * 6 * 10)
    generator = torch.Generator().manual_seed(5)
    parts = [(n, *experiment.task.sample(n, config.seq_len, generator)) for n in (10, 10, 5)]
    total = sum(n * experiment.task.loss(experiment.model(inputs), targets).item() for n, inputs, targets in parts)
    assert draw().loss == pytest.approx(total / 25, rel=1e-5)


def test_a_run_ends_when_it_has_solved_its_task(trained, tmp_path):
    settings = {"seq_len": 1, "learning_rate": 0.02, "steps": 400, "hidden_size": 8, "clip_threshold": None}
    run = trained(**settings)
    assert run.progress.reason == "success"
    assert run.progress.step < 400
    assert run.progress.step % 10 == 0
    assert run.scalars()["evaluation_loss"][-1] < 0.01
    on = trained(tmp_path / "on", **settings, stop_on_success=False)
    assert on.progress.step == 400
    assert on.progress.reason == "success"


@pytest.mark.parametrize(
    ("task", "loss", "accuracy", "solved"),
    [
        ("adding", 0.0099, 0.0, True),
        ("adding", 0.0101, 1.0, False),
        ("temporal_order", 9.0, 0.99, True),
        ("temporal_order", 0.0, 0.98, False),
        ("copying", 0.07, 0.0, True),
        ("copying", 0.08, 1.0, False),
        ("next_character", 9.0, 0.995, True),
    ],
)
def test_what_counts_as_solved(tiny, task, loss, accuracy, solved):
    config = tiny(task=task)
    assert success.is_solved(config, build(config).task, loss, accuracy) == solved


# losses that say something


def test_a_run_that_has_learned_nothing_is_found_out(trained):
    run = trained(task="temporal_order", learning_rate=1e-9)
    assert run.progress.reason == "steps"
    (finding,) = run_findings(run)
    assert (finding.kind, finding.title) == ("at_chance", "Nothing has been learned")


def test_a_finite_loss_of_a_million_guesses_has_diverged_and_has_not_just_taken_its_steps(trained):
    run = trained(task="adding", cell="elman", nonlinearity="identity", optimiser="sgd", learning_rate=1e12, steps=2,
                  clip_threshold=1.0, dtype="float64")  # fmt: skip
    assert math.isfinite(run.scalars()["loss"][-1])
    assert run.progress.reason == "diverged"
    (finding,) = run_findings(run)
    assert (finding.kind, finding.title) == ("diverged", "The training has diverged")


def test_adding_with_a_loss_at_every_step_is_solved_by_its_last_answer(tiny):
    config = tiny(task="adding", loss_position="every")
    task = build(config).task

    class Oracle(torch.nn.Module):
        """Knows the sum at the last timestep, and nothing before."""

        def forward(self, inputs):
            outputs = torch.zeros(*inputs.shape[:2], 1)
            outputs[-1, :, 0] = (inputs[..., 0] * inputs[..., 1]).sum(dim=0)
            return outputs

    found = success.evaluate(config, task, Oracle(), torch.Generator().manual_seed(0))
    assert found.accuracy == 1
    assert found.solved
    assert found.loss > 0.1


# Inf and NaN


@pytest.fixture
def explosive():
    """Linear units with weights that overflow float32 within the sequence."""
    return {
        "cell": "elman", "nonlinearity": "identity", "largest_singular_value": 50.0, "seq_len": 60,
        "clip_threshold": None, "steps": 9, "evaluate_every": None, "record_every": 1,
    }  # fmt: skip


def test_inf_ends_the_run_with_its_step_and_first_culprit(trained, explosive):
    run = trained(**explosive)
    assert (run.status, run.progress.reason, run.progress.step) == ("finished", "nonfinite", 1)
    event = run.events()[0]
    assert (event["kind"], event["step"]) == ("nonfinite", 1)
    assert event["culprit"].startswith("hidden of layer 1 at t = ")
    assert not math.isfinite(run.scalars()["loss"][0])
    assert len(run.tensor("hidden")) == 1, "the step that diverged is recorded"


def test_skipping_leaves_the_weights_alone_and_going_on_does_not(trained, explosive, tmp_path):
    skipped = trained(**explosive, on_nonfinite="skip")
    norm = skipped.tensor("spectral_norm")[:]
    assert skipped.progress.step == 9
    assert (norm == norm[0]).all()
    assert [e["kind"] for e in skipped.events()] == ["nonfinite", "ended"], "one event for a series of steps"
    went_on = trained(tmp_path / "on", **explosive, on_nonfinite="continue")
    assert np.isnan(went_on.tensor("spectral_norm")[1:]).all()
    assert went_on.progress.step == 9


def test_a_gradient_beyond_its_dtype_is_named(tiny):
    """The loss is finite and so is the log norm, but float32 cannot hold the gradient."""
    from experiments.training.culprit import first_culprit, is_finite

    training = Training(tiny(cell="elman", nonlinearity="identity", largest_singular_value=20))
    for name in ("bias_ih_l0", "bias_hh_l0"):
        getattr(training.model.recurrent, name).data.zero_()
    inputs, _ = training.task.sample(5, 8, torch.Generator().manual_seed(0))
    # 20^7 lies between dL/dh_8 and dL/dh_1; the states, and with them the loss, are smaller by the inputs' 1e-6.
    trace = record(training.model, 1e-6 * inputs, lambda outputs: (outputs[-1] * 1e32).sum(), path="reference")
    clipping = clip(trace.parameter_grads, None, log_norms=trace.parameter_log_norm)
    assert trace.loss.isfinite()
    assert math.isfinite(clipping.log_norm_before)
    assert not is_finite(trace, clipping)
    said = first_culprit(training.model, trace, clipping)
    assert said == "the gradient of recurrent.bias_ih_l0, which is larger than its dtype can hold"


def test_a_zero_gradient_is_no_event(trained):
    run = trained(task="temporal_order", cell="elman", nonlinearity="relu", largest_singular_value=0.0, input_scale=0.0)
    assert [e["kind"] for e in run.events()] == ["ended"]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("adding", "the mean squared error on new sequences is below 0.01"),
        ("copying", "the loss on new sequences is below 10\xa0% of a guess's"),
        ("temporal_order", "at least 99\xa0% of the answers on new sequences are right"),
        ("mine:Task", "at least 99\xa0% of the answers on new sequences are right"),
    ],
)
def test_what_solved_means_is_said(task, words):
    assert success.describe_solved(task) == words
