"""Training with Pascanu's Ω, initial biases and radii, clipping inside BPTT, and the size of every update."""

import json
import math
import re

import pytest
import torch
from oracles import CONFIGURATION_NAMES, CONFIGURATIONS, LOSSES, make_model, oracle_step
from torch.autograd.functional import jacobian

from analysis.jacobian import step_jacobians
from analysis.penalty import norm_penalty, penalty_gradient
from experiments.config.run_config import ConfigError, RunConfig
from experiments.probing.from_weights import trained_probe
from experiments.probing.given_network import trained_network
from experiments.probing.probe import probe as make_probe
from experiments.runs.opening import open_run
from experiments.runs.pictures import run_pictures
from experiments.runs.recorder import Recorder
from experiments.runs.train import train
from experiments.training.build import build
from experiments.training.flossing import floss
from experiments.training.penalised import penalise
from experiments.training.training import Training
from models import record

SMALL = {"seq_len": 6, "hidden_size": 5, "batch_size": 4, "dtype": "float64", "steps": 3, "record_every": 1}


def recorded(cell, options, **keywords):
    model = make_model(cell, options, **keywords)
    inputs = torch.randn(6, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return model, record(model, inputs, LOSSES["every"])


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
def test_the_penaltys_gradient_equals_autograds_through_explicit_jacobians(cell, options):
    """∂⁺Ω/∂θ: states and dL/ds are constants, the Jacobians depend on the weights."""
    _, trace = recorded(cell, options)
    layer = trace.top
    w = tuple(weight.clone().requires_grad_() for weight in layer.cell.weights.values())
    sizes = layer.cell.state_sizes
    omega = torch.zeros((), dtype=torch.float64)
    for t in range(1, 6):
        for b in range(3):
            x, s = layer.inputs[t, b : b + 1], torch.cat([part[t, b : b + 1] for part in layer.before], -1)

            def step(state, x=x):
                return torch.cat(oracle_step(cell, options, w, x, state.split(sizes, -1)), -1)

            J = jacobian(step, s, create_graph=True).reshape(sum(sizes), sum(sizes))
            v = torch.cat([part[t, b] for part in layer.adjoint.parts], -1)
            omega = omega + ((v @ J).norm() / v.norm() - 1) ** 2 / 3
    wanted = torch.autograd.grad(omega, w, allow_unused=True, materialize_grads=True)
    found = penalty_gradient(layer)
    assert found.omega == pytest.approx(omega.item(), rel=1e-10)
    assert found.omega == pytest.approx(norm_penalty(layer).omega.mean(), rel=1e-10)
    for grad, expected in zip(found.grads.values(), wanted, strict=True):
        torch.testing.assert_close(grad, expected, rtol=1e-8, atol=1e-12)


def test_every_layer_and_direction_is_penalised():
    model, trace = recorded("gru", {}, num_layers=2, bidirectional=True)
    result = penalise(model, trace, 2.0)
    assert result.omega == pytest.approx(sum(norm_penalty(layer).omega.mean() for layer in trace.layers), rel=1e-9)
    for k, suffix in enumerate(("_l0", "_l0_reverse", "_l1", "_l1_reverse")):
        name = f"recurrent.weight_hh{suffix}"
        of_omega = penalty_gradient(trace.layers[k]).grads["weight_hh"]
        torch.testing.assert_close(result.grads[name], trace.parameter_grads[name] + 2 * of_omega)
        assert result.log_norms[name] == pytest.approx(math.log(result.grads[name].norm()), abs=1e-10)
    assert torch.equal(result.grads["readout.weight"], trace.parameter_grads["readout.weight"])


def test_steps_without_a_gradient_have_no_penalty():
    model, trace = recorded("lstm", {})
    early = record(model, trace.inputs, lambda outputs: outputs[2].sum())
    assert penalty_gradient(early.top).omega == pytest.approx(norm_penalty(early.top).omega.mean(), rel=1e-10)
    silent = penalty_gradient(record(model, trace.inputs, lambda outputs: 0 * outputs.sum()).top)
    assert silent.omega == 0
    assert all(not grad.any() for grad in silent.grads.values())


def test_training_descends_omega():
    values = {**SMALL, "cell": "elman", "optimiser": "sgd", "learning_rate": 0.01, "initialisation": "gaussian"}
    training = Training(RunConfig.from_values({**values, "penalty_weight": 5.0}))
    omegas = []
    for _ in range(40):
        step = training.advance()
        training.update(step.clipping.grads)
        omegas.append(step.scalars["penalty"])
    assert omegas[-1] < 0.7 * omegas[0]


@pytest.mark.parametrize(("cell", "options"), [CONFIGURATIONS[0], CONFIGURATIONS[3], CONFIGURATIONS[4]])
def test_flossed_exponents_are_the_lyapunov_exponents_and_their_gradient_is_a_difference(cell, options):
    model = make_model(cell, options)
    inputs = torch.randn(10, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    flossed = floss(model, inputs, 3)
    trace = record(model, inputs, LOSSES["every"])
    J = torch.from_numpy(step_jacobians(trace.top, samples=None).matrices)  # [time, sample, state, state]
    wanted = torch.zeros(3, dtype=torch.float64)
    for b in range(2):
        Q = torch.eye(J.shape[-1], dtype=torch.float64)[:, :3]
        for t in range(10):
            Q, R = torch.linalg.qr(J[t, b] @ Q)
            wanted += (R.diagonal().abs().log() if t >= 2 else 0) / 8 / 2
    torch.testing.assert_close(flossed.exponents, wanted, rtol=1e-9, atol=1e-12)
    weight, step = model.recurrent.weight_hh_l0, 1e-6
    squares = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[1, 2] += sign * step
        squares.append(floss(model, inputs, 3).square)
        with torch.no_grad():
            weight[1, 2] -= sign * step
    by_differences = (squares[0] - squares[1]) / (2 * step)
    assert flossed.grads["recurrent.weight_hh_l0"][1, 2].item() == pytest.approx(by_differences, rel=1e-5, abs=1e-9)
    assert not flossed.grads["readout.weight"].any()


def test_the_first_steps_floss_and_the_others_learn():
    values = {**SMALL, "cell": "elman", "floss_steps": 30, "floss_exponents": 3, "learning_rate": 0.01, "seq_len": 10}
    training = Training(RunConfig.from_values(values))
    readout = training.model.readout.weight.detach().clone()
    squares = []
    for _ in range(30):
        step = training.advance()
        training.update(step.clipping.grads)
        squares.append(step.scalars["flossing"])
    assert squares[-1] < 0.3 * squares[0]
    assert torch.equal(training.model.readout.weight, readout)
    step = training.advance()
    assert "flossing" not in step.scalars
    assert torch.equal(step.clipping.grads["readout.weight"], step.trace.parameter_grads["readout.weight"])


def test_every_update_has_its_size(tmp_path):
    config = RunConfig.from_values({**SMALL, "optimiser": "sgd", "learning_rate": 0.5, "evaluate_every": None})
    recorder = Recorder.start(config, tmp_path / "run")
    train([recorder])
    run = open_run(tmp_path / "run")
    sizes = run.scalars()["update_size"]
    drawn = run_pictures([run])
    assert drawn["update_size"].columns["value"] == sizes.tolist()
    assert "penalty" not in drawn, "this run has none"
    twin = Training(config)
    for size in sizes:
        step = twin.advance()
        before = torch.cat([p.detach().flatten() for p in twin.model.parameters()])
        moved = 0.5 * torch.cat([step.clipping.grads[name].flatten() for name, _ in twin.model.named_parameters()])
        assert size == pytest.approx((moved.norm() / before.norm()).item(), rel=1e-9)
        twin.update(step.clipping.grads)


def test_an_update_that_is_not_taken_has_size_zero(tmp_path):
    values = {**SMALL, "cell": "elman", "nonlinearity": "relu", "largest_singular_value": 100.0, "seq_len": 500}
    config = RunConfig.from_values({**values, "dtype": "float32", "input_scale": 1e30, "on_nonfinite": "skip"})
    train([Recorder.start(config, tmp_path / "run")])
    assert open_run(tmp_path / "run").scalars()["update_size"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("cell", ["elman", "gru", "peephole_lstm"])
def test_each_block_has_the_spectral_radius_that_was_set(cell):
    recurrent = build(RunConfig.from_values({**SMALL, "cell": cell, "spectral_radius": 0.95})).model.recurrent
    for block in recurrent.cell_type.square_blocks(recurrent.weight_hh_l0.detach()).values():
        assert torch.linalg.eigvals(block).abs().max().item() == pytest.approx(0.95, abs=1e-12)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS[:4], ids=CONFIGURATION_NAMES[:4])
def test_all_biases_are_what_was_set_but_the_gates_own(cell, options):
    values = {**SMALL, "cell": cell, **options, "biases": -1.5, "forget_bias": 2.0}
    recurrent = build(RunConfig.from_values(values)).model.recurrent
    total = (recurrent.bias_ih_l0 + recurrent.bias_hh_l0).detach()
    wanted = torch.full_like(total, -1.5)
    if cell == "lstm":
        wanted[5:10] = 2.0
        values["input_bias"], wanted[:5] = -3.0, -3.0
        recurrent = build(RunConfig.from_values(values)).model.recurrent
        total = (recurrent.bias_ih_l0 + recurrent.bias_hh_l0).detach()
    assert torch.equal(total, wanted)


def test_an_irnn_is_the_identity_with_zero_biases():
    config = RunConfig.from_values({**SMALL, "cell": "elman", "nonlinearity": "relu", "initialisation": "irnn"})
    recurrent = build(config).model.recurrent
    assert torch.equal(recurrent.weight_hh_l0, torch.eye(5, dtype=torch.float64))
    assert not torch.cat([recurrent.bias_ih_l0, recurrent.bias_hh_l0]).any()
    x = torch.zeros(1, 3, 2, dtype=torch.float64)
    h = torch.rand(3, 5, dtype=torch.float64)
    assert torch.equal(recurrent.cell(0).step(x[0], (h,))[0][0], h), "without an input it keeps its state"


def test_a_run_clipped_inside_bptt_keeps_the_true_gradient_and_takes_the_clipped_step(tmp_path):
    values = {**SMALL, "cell": "lstm", "optimiser": "sgd", "clip_threshold": 1e-3, "clip_rule": "per_step"}
    config = RunConfig.from_values(values)
    train([Recorder.start(config, tmp_path / "run")])
    scalars = open_run(tmp_path / "run").scalars()
    assert scalars["clipped"].tolist() == [1, 1, 1]
    assert (scalars["log_norm_after"] < scalars["log_norm_before"]).all()
    plain, clipped = Training(RunConfig.from_values({**SMALL, "cell": "lstm"})).advance(), Training(config).advance()
    assert clipped.scalars["log_norm_before"] == plain.scalars["log_norm_before"]
    assert torch.equal(clipped.trace.log_norm, plain.trace.log_norm)
    assert json.dumps(clipped.scalars["log_norm_after"]) != json.dumps(plain.scalars["log_norm_after"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"spectral_radius": 1.0, "largest_singular_value": 2.0},
            "cannot be combined with largest_singular_value=2.0: leave",
        ),
        (
            {"spectral_radius": 1.0, "spectrum_shape": "equal"},
            "spectral_radius was 1; it cannot be combined with spectrum",
        ),
        ({"spectral_radius": 101.0}, "spectral_radius was 101.0; it must be a finite number from 0 to 100 or none."),
        (
            {"penalty_weight": 1.0, "truncate": 2, "truncate_kind": "window"},
            "it cannot be combined with penalty_weight=1: choose",
        ),
        (
            {"penalty_weight": 1.0, "clip_rule": "per_step"},
            "clip_rule was 'per_step'; it cannot be combined with penalty_weight=1: choose penalty_weight=0 or",
        ),
        (
            {"floss_steps": 3, "clip_rule": "per_step"},
            "clip_rule was 'per_step'; it cannot be combined with floss_steps=3: choose floss_steps=0 or",
        ),
        ({"penalty_weight": -1.0}, "penalty_weight was -1.0; it must be a finite number from 0"),
        ({"cell": "gru", "input_bias": 1.0}, "input_bias was 1; the cell 'gru' has no input gate i."),
        ({"floss_steps": 1, "num_layers": 2}, "floss_steps was 1; it works only with network=sequence, one layer"),
        ({"floss_steps": 1, "floss_exponents": 6, "cell": "gru"}, "floss_exponents was 6; it must be at most 5"),
        ({"biases": 21.0}, "biases was 21.0; it must be a finite number from -20 to 20 or none."),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(values, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        build(RunConfig.from_values({**SMALL, **values}))


def test_earlier_runs_keep_their_ids():
    assert RunConfig().identity() == RunConfig(biases=None, spectral_radius=None, penalty_weight=0.0).identity()
    assert RunConfig(penalty_weight=1.0).identity() != RunConfig().identity()


def test_explore_clips_inside_bptt_by_a_second_pass():
    probe = make_probe(RunConfig(cell="lstm", seq_len=12, hidden_size=6, batch_size=4))
    clipping = probe.clip(1e-4, "per_step")
    assert clipping.engaged
    again = record(
        probe.experiment.model, probe.experiment.inputs, probe.experiment.loss, step_threshold=1e-4
    )  # fmt: skip
    for name, grad in again.parameter_grads.items():
        assert torch.equal(clipping.grads[name], grad)
    assert clipping.steps[-1].engaged
    assert not probe.clip(None, "per_step").engaged
    assert probe.trace.parameter_grads["readout.weight"] is probe.clip(None, "per_step").grads["readout.weight"]


def test_settings_of_the_first_weights_do_not_act_on_trained_ones(tmp_path):
    values = {**SMALL, "cell": "lstm", "biases": -1.5, "input_bias": -3.0, "spectral_radius": 0.5}
    config = RunConfig.from_values({**values, "learning_rate": 0.1, "steps": 5, "penalty_weight": 1.0})
    train([Recorder.start(config, tmp_path / "run")])
    network = trained_network(open_run(tmp_path / "run"), 4)
    weights = dict(trained_probe(network, network.settings).experiment.model.named_parameters())
    for name, weight in network.whole.items():
        assert torch.equal(weights[name], weight), name
    changed = trained_probe(network, {**network.settings, "input_bias": 2.0}).experiment.model.recurrent
    assert torch.equal(changed.bias_ih_l0[:5], torch.full((5,), 2.0, dtype=torch.float64))
