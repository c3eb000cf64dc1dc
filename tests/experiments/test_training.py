"""The training loop against a plain torch loop, what each step keeps, and how runs end."""

import math

import numpy as np
import pytest
import torch

from analysis.clipping import clip
from analysis.gates import gate_statistics
from analysis.spectrum import block_spectra
from experiments import success
from experiments.build import build, generators
from experiments.config import ConfigError
from experiments.control import change_control, read_control, single_step, write_control
from experiments.records import QUANTILES, chosen, is_recorded, record_count
from experiments.schedule import seq_len_at
from experiments.store.reader import open_run
from experiments.train import Recorder, train
from experiments.training import OPTIMISERS, Training
from models import record

PLAIN = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "adam": lambda p, lr: torch.optim.Adam(p, lr),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr),
}


@pytest.mark.parametrize("optimiser", PLAIN)
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_training_equals_a_plain_torch_loop_with_autograd_and_torchs_own_clipping(tiny, cell, optimiser):
    config = tiny(cell=cell, optimiser=optimiser, dtype="float64", learning_rate=0.02, clip_threshold=0.2)
    training = Training(config, "reference")
    twin = build(config)
    _, data = generators(config.seed)
    plain = PLAIN[optimiser](twin.model.parameters(), 0.02)
    for _ in range(6):
        step = training.advance()
        training.update(step.clipping.grads)
        inputs, targets = twin.task.sample(config.batch_size, config.seq_len, data, torch.float64)
        plain.zero_grad()
        loss = twin.task.loss(twin.model(inputs), targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(twin.model.parameters(), 0.2)
        plain.step()
        assert step.scalars["loss"] == pytest.approx(loss.item(), rel=1e-5)  # torch adds 1e-6 to the norm
        assert step.scalars["log_norm_before"] == pytest.approx(math.log(norm.item()), abs=1e-5)
        assert step.scalars["clipped"] == (norm.item() > 0.2)
    for (name, a), (_, b) in zip(training.model.named_parameters(), twin.model.named_parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6), name
    assert set(OPTIMISERS) == set(PLAIN)


@pytest.mark.parametrize("task", ["adding", "temporal_order", "copying", "next_character"])
def test_every_task_trains_and_is_evaluated(trained, task):
    run = trained(task=task, steps=10, truncate=3)
    evaluation = run.scalars()["evaluation_loss"]
    assert np.isfinite(evaluation[-1])
    assert np.isnan(evaluation[:-1]).all()
    assert run.progress.reason == "steps"


def test_a_recorded_step_keeps_what_the_pass_of_that_step_had(trained, tiny):
    """Against a second training that is stepped by hand and looked at by the analyses."""
    run = trained(seq_len_schedule="ranged", seq_len_min=5, num_layers=2, bidirectional=True, record_units="1,3")
    config, twin = run.config, Training(run.config, "reference")
    samples, units = chosen("", config.record_samples, config.batch_size), np.array([1, 3])
    row = 0
    for s in range(1, config.steps + 1):
        spectra = {(l, d): block_spectra(twin.model.recurrent.cell(l, d)) for l in range(2) for d in range(2)}
        step = twin.advance()
        twin.update(step.clipping.grads)
        if not is_recorded(config, s):
            continue
        trace, T = step.trace, step.trace.seq_len
        kept = {name: run.tensor(name)[row] for name in run.tensors if run.tensor(name).dimensions[0] == "step"}
        assert kept["step"] == s
        assert kept["length"] == T
        assert kept["loss"] == step.scalars["loss"]
        assert np.array_equal(kept["log_norm"][:, :T], trace.log_norm.numpy().astype(np.float32))
        assert np.isnan(kept["log_norm"][:, T:]).all()
        by_hand = np.quantile(trace.log_norm.numpy(), QUANTILES, axis=-1, method="nearest")
        assert np.allclose(kept["log_norm_quantile"][:, :T, 1], by_hand[1], atol=1e-5)
        assert np.array_equal(kept["hidden"][:, :T], trace.hidden.numpy()[:, :, samples][..., units])
        assert np.array_equal(kept["cell_state"][:, :T], trace.cell_state.numpy()[:, :, samples][..., units])
        for g, (name, gate) in enumerate(trace.gates.items()):
            assert np.array_equal(kept["gates"][g][:, :T], gate.numpy()[:, :, samples][..., units])
            for layer in range(4):
                statistics = gate_statistics(trace, layer).gates[name]
                openness = [kept[f"gate_{what}"][g, layer] for what in ("mean", "closed", "open")]
                assert np.allclose(openness, [statistics.mean, statistics.closed, statistics.open], atol=1e-6)
        clipping = clip(trace.parameter_grads, 0.3, "norm", trace.parameter_log_norm)
        assert list(clipping.parameter_log_norm_before.values()) == kept["parameter_log_norm_before"].tolist()
        assert list(clipping.parameter_log_norm_after.values()) == kept["parameter_log_norm_after"].tolist()
        for (l, d), blocks in spectra.items():
            for b, spectrum in enumerate(blocks.values()):
                at = (2 * l + d, b)
                assert kept["spectral_norm"][at] == pytest.approx(spectrum.spectral_norm, rel=1e-9)
                assert kept["spectral_radius"][at] == pytest.approx(spectrum.spectral_radius, rel=1e-9)
                assert np.allclose(kept["singular_values"][at], spectrum.singular_values, rtol=0, atol=1e-9)
                eigenvalues = kept["eigenvalues"][at] @ (1, 1j)
                assert np.allclose(np.poly(eigenvalues), np.poly(spectrum.eigenvalues), rtol=0, atol=1e-9)
                assert (np.diff(np.abs(eigenvalues)) < 1e-12).all(), "largest first"
        row += 1
    assert row == len(run.tensor("step")) == record_count(config)
    assert run.attributes["layer"] == ["l0", "l0_reverse", "l1", "l1_reverse"]


def test_the_same_settings_give_the_same_numbers(trained, tmp_path):
    one, other = trained(), trained(tmp_path / "other")
    a, b = one.scalars(), other.scalars()
    assert all(np.array_equal(a[name], b[name], equal_nan=True) for name in a if name != "seconds")


# evaluation and success


def test_evaluation_does_not_disturb_the_training_data(trained, tmp_path):
    often, never = trained(evaluate_every=5), trained(tmp_path / "never", evaluate_every=None)
    assert np.array_equal(often.scalars()["loss"], never.scalars()["loss"])
    assert "evaluation_loss" not in never.scalars()


def test_evaluation_in_parts_is_the_mean_over_all(tiny, monkeypatch):
    config = tiny(evaluate_size=25)
    experiment = build(config)
    draw = lambda: success.evaluate(config, experiment.task, experiment.model, torch.Generator().manual_seed(5))  # noqa: E731
    generator = torch.Generator().manual_seed(5)
    inputs, targets = experiment.task.sample(25, config.seq_len, generator)
    whole = experiment.task.loss(experiment.model(inputs), targets).item()
    assert draw().loss == pytest.approx(whole, rel=1e-5)
    monkeypatch.setattr(success, "LARGEST_PART", 8 * 6 * 10)
    assert draw().loss == pytest.approx(whole, rel=0.5)  # other sequences: each part is drawn by itself


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


# sequence lengths


def test_schedules_stay_within_their_range(tiny):
    g = torch.Generator().manual_seed(0)
    fixed, ranged, growing = (
        tiny(seq_len_schedule=schedule, seq_len=20, seq_len_min=4, steps=100)
        for schedule in ("fixed", "ranged", "curriculum")
    )
    assert {seq_len_at(fixed, s, g) for s in range(1, 101)} == {20}
    assert {seq_len_at(ranged, s, g) for s in range(1, 500)} == set(range(4, 21))
    lengths = [seq_len_at(growing, s, g) for s in range(1, 101)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[25], lengths[50], lengths[99]) == (4, 12, 20, 20)


def test_a_range_upside_down_is_refused(tiny):
    with pytest.raises(ConfigError, match=r"^seq_len_min was 10; it must be at most seq_len, which was 8"):
        Training(tiny(seq_len_schedule="ranged"), "reference")


def test_units_and_samples_are_chosen_evenly_by_index_or_all():
    assert chosen("f", 3, 9).tolist() == [0, 4, 8]
    assert chosen("f", 100, 3).tolist() == [0, 1, 2]
    assert chosen("f", None, 3).tolist() == [0, 1, 2]
    assert chosen("f", "7,2,7", 9).tolist() == [2, 7]
    assert chosen("f", 0, 9).tolist() == []
    with pytest.raises(ConfigError, match=r"^record_units was '9'; it must be indices below 9\.$"):
        chosen("record_units", "9", 9)


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
    assert event["culprit"].startswith("hidden of layer 0 at t = ")
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
    from experiments.culprit import first_culprit, is_finite

    training = Training(tiny(cell="elman", nonlinearity="identity"), "reference")
    inputs, _ = training.task.sample(5, 8, torch.Generator().manual_seed(0))
    trace = record(training.model, inputs, lambda outputs: (outputs * 1e38).sum() * 1e30, path="reference")
    clipping = clip(trace.parameter_grads, None)
    assert not is_finite(trace, clipping)
    assert first_culprit(training.model, trace, clipping) != "nothing that is kept"


def test_a_zero_gradient_is_no_event(trained):
    run = trained(task="temporal_order", cell="elman", nonlinearity="relu", largest_singular_value=0.0, input_scale=0.0)
    assert [e["kind"] for e in run.events()] == ["ended"]


# steering


def turns(recorder: Recorder, n: int) -> int:
    """How many of n turns took a step."""
    return sum(recorder.turn() is not None for _ in range(n))


def test_learning_rate_and_threshold_change_while_it_runs_and_the_change_is_in_the_record(tmp_path, tiny):
    folder = tmp_path / "run"
    with Recorder.start(tiny(), folder, "reference") as recorder:
        turns(recorder, 3)
        change_control(folder, learning_rate=0.5)
        turns(recorder, 1)
        change_control(folder, clip_threshold=None)
        turns(recorder, 2)
    run = open_run(folder)
    scalars = run.scalars()
    assert scalars["learning_rate"].tolist() == [1e-3] * 3 + [0.5] * 3
    assert np.isnan(scalars["clip_threshold"][4:]).all()
    assert (scalars["clip_threshold"][:4] == 0.3).all()
    events = {e["kind"]: e for e in run.events()}
    assert (events["learning_rate"]["step"], events["learning_rate"]["old"], events["learning_rate"]["new"]) == (
        3,
        1e-3,
        0.5,
    )
    assert events["clip_threshold"]["text"] == "clip threshold changed from 0.3 to none"
    train([Recorder.resume(folder)])
    assert open_run(folder).scalars()["learning_rate"][-1] == 0.5, "a resumed run keeps what was changed"


def test_a_paused_run_waits_takes_single_steps_and_goes_on(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("experiments.recorder.POLL_SECONDS", 0.0)
    folder = tmp_path / "run"
    with Recorder.start(tiny(), folder, "reference", paused=True) as recorder:
        assert turns(recorder, 3) == 0
        assert open_run(folder).status == "paused"
        single_step(folder)
        single_step(folder)
        assert turns(recorder, 5) == 2
        assert open_run(folder).progress.step == 2, "a single step is committed at once"
        change_control(folder, pause=False)
        assert turns(recorder, 3) == 3
        change_control(folder, stop=True)
        assert turns(recorder, 1) == 0
        assert recorder.ended
    run = open_run(folder)
    assert (run.status, run.progress.reason, run.progress.step) == ("interrupted", "stopped", 5)
    assert read_control(folder).stop
    train([Recorder.resume(folder)])
    assert open_run(folder).status == "finished", "an old wish to stop does not stop the resumed run"


def test_a_control_that_cannot_be_is_refused_or_ignored(tmp_path, tiny):
    folder = tmp_path / "run"
    with Recorder.start(tiny(), folder, "reference") as recorder:
        for changes in ({"learning_rate": -1}, {"learning_rate": True}, {"clip_threshold": 0}, {"pause": 1}):
            name = next(iter(changes))
            with pytest.raises(ConfigError, match=f"^{name} was "):
                change_control(folder, **changes)
        (folder / "control.json").write_text('{"learning_rate": NaN')
        assert turns(recorder, 2) == 2
        (folder / "control.json").unlink()
        assert turns(recorder, 2) == 2
        write_control(folder, recorder.watch.control)
        assert turns(recorder, 1) == 1


def test_two_lanes_train_in_lockstep_from_one_seed(tmp_path, tiny):
    seen: list[tuple[str, int]] = []
    lanes = [Recorder.start(tiny(clip_threshold=t), tmp_path / n, "reference") for n, t in (("a", 1e-3), ("b", None))]
    train(lanes, lambda recorder, step: seen.append((recorder.folder.name, int(step.scalars["step"]))))
    assert seen == [(name, s) for s in range(1, 41) for name in ("a", "b")]
    a, b = (open_run(tmp_path / name).scalars() for name in ("a", "b"))
    assert a["loss"][0] == b["loss"][0], "the same weights and the same first batch"
    assert a["clipped"].all()
    assert not b["clipped"].any()
