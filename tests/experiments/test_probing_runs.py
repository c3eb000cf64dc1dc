"""`probe RUN --step N`: a recorded step is looked at as a configuration's pass is."""

import json
import math

import numpy as np
import pytest
import torch
from commanding import call
from one_sentence import one_sentence

from analysis.clipping import clip
from experiments.config.run_config import ConfigError
from experiments.probing.from_weights import trained_probe
from experiments.probing.given_network import OF_THE_BEGINNING, trained_network
from experiments.probing.probe import probe
from experiments.probing.recorded import recorded_probe
from experiments.probing.summary import summary
from experiments.runs.control import change_control
from experiments.runs.opening import open_run
from experiments.runs.store.layers import weights_at
from experiments.runs.train import Recorder, train
from models import record

WHOLE = {"record_units": None, "record_samples": None, "steps": 4, "record_every": 3, "evaluate_every": None}
LEFT_OUT = ("run", "step", "config", "findings", "path")
"""What differs between a configuration's pass and the same pass as a step of a run."""


def assert_close(a: object, b: object, where: str = "") -> None:
    """The same plain values, numbers to the rounding of float32."""
    if isinstance(a, dict):
        assert isinstance(b, dict)
        assert list(a) == list(b), where
        for name in a:
            assert_close(a[name], b[name], f"{where}.{name}")
    elif isinstance(a, list):
        assert isinstance(b, list)
        assert len(a) == len(b), where
        for k, pair in enumerate(zip(a, b, strict=True)):
            assert_close(*pair, f"{where}[{k}]")
    elif isinstance(a, float) and isinstance(b, float):
        assert math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-5), f"{where}: {a} is not {b}"
    elif not isinstance(a, str) or "per step" not in a:
        assert a == b, where


@pytest.mark.parametrize(
    "network",
    [
        {"cell": "elman", "num_layers": 2},
        {"cell": "lstm", "bidirectional": True},
        {"cell": "gru", "task": "copying"},
        {"cell": "lstm", "task": "next_character", "truncate": 3, "clip_rule": "per_parameter"},
    ],
    ids=str,
)
def test_the_first_step_of_a_run_is_the_pass_of_its_configuration(trained, tiny, network):
    """Its weights are the initial ones and its batch is the first: all of it kept, the two probes say the same."""
    run = trained(**WHOLE, **network)
    of_run, of_config = summary(recorded_probe(run, 1)), summary(probe(tiny(**WHOLE, **network)))
    assert (of_run["run"], of_run["step"], of_config["step"]) == (run.name, 1, None)
    kinds = [[finding["kind"] for finding in of["findings"]] for of in (of_run, of_config)]
    assert kinds[0] == kinds[1], "nothing has been trained yet"
    for name in LEFT_OUT:
        del of_run[name], of_config[name]
    assert_close(of_run, of_config)


def test_a_later_step_is_the_pass_that_the_training_made(tmp_path, tiny):
    """Against the very step, seen while it was trained."""
    recorder = Recorder.start(tiny(**WHOLE | {"record_samples": "0,2"}), tmp_path / "run")
    seen = {}
    train([recorder], lambda recorder, step: seen.update({recorder.training.step: step}))
    result, step = recorded_probe(open_run(tmp_path / "run")), seen[4]
    assert result.trained.step == 4
    assert result.trace.loss.item() == step.scalars["loss"]
    assert np.allclose(result.trace.outputs, step.trace.outputs[:, [0, 2]], atol=1e-6)
    medians = np.quantile(step.trace.log_norm[0], 0.5, axis=-1, method="nearest")
    assert np.allclose(result.profile.median, medians, atol=1e-5), "the profile is of the whole batch"
    wanted = clip(step.trace.parameter_grads, 0.3, "norm", step.trace.parameter_log_norm)
    for name in ("threshold", "log_norm_before", "log_norm_after", "cosine", "touched"):
        assert getattr(result.clipping, name) == pytest.approx(getattr(wanted, name))


def test_the_threshold_is_the_one_that_was_in_force(tmp_path, tiny):
    with Recorder.start(tiny(record_units=None, record_every=1), tmp_path / "run") as recorder:
        recorder.turn()
        change_control(recorder.folder, clip_threshold=0.01)
        recorder.turn()
    run = open_run(tmp_path / "run")
    assert [recorded_probe(run, step).clipping.threshold for step in (1, 2)] == [0.3, 0.01]


def test_the_command_prints_what_the_recorded_step_says(trained, in_own_folder):
    name = trained(**WHOLE).name
    (row,) = json.loads(call("probe", name, "--step", "1", "--json"))
    assert (row["run"], row["step"]) == (name, 1)
    assert "run made at step 4: adding, T = 8, the 5 kept of 5 sequences" in " ".join(call("probe", "made").split())


def test_settings_act_on_the_weights_of_a_recorded_step(trained):
    """Beside the same network built by hand; what made the run's first weights does not act on them again."""
    run = trained(**WHOLE, forget_bias=3.0, input_scale=2.0, dtype="float64")
    network = trained_network(run, 4)
    assert network.settings.keys().isdisjoint(OF_THE_BEGINNING)
    same = trained_probe(network, {}).experiment.model
    assert all(torch.equal(same.state_dict()[name], value) for name, value in weights_at(run, 4).items())
    result = trained_probe(network, {"largest_singular_value": 1.5, "seq_len": 20})
    blocks = weights_at(run, 4)["recurrent.weight_hh_l0"].chunk(4)
    by_hand = torch.cat([1.5 * block / torch.linalg.matrix_norm(block, 2) for block in blocks])
    assert torch.allclose(result.experiment.model.recurrent.weight_hh_l0, by_hand, atol=1e-12)
    assert result.experiment.inputs.shape[0] == 20
    again = record(result.experiment.model, result.experiment.inputs, result.experiment.loss)
    assert torch.allclose(again.log_norm, result.trace.log_norm, atol=1e-12)


def test_the_command_takes_settings_and_inputs_for_a_recorded_step(trained, in_own_folder):
    trained(**WHOLE)
    said = " ".join(call("probe", "made", "--step", "1", "largest_singular_value=1.5").split())
    assert "run made at step 1: adding, T = 8, one recorded pass" in said
    assert "i 1.5 f 1.5 g 1.5 o 1.5" in said
    (row,) = json.loads(call("probe", "made", "--inputs", "noise", "seq_len=11", "--json"))
    assert (row["config"]["task"], row["config"]["seq_len"]) == ("noise", 11)


def test_what_a_run_has_for_its_own_task_is_left_out_where_its_network_reads_something_else(trained):
    network = trained_network(trained(**WHOLE, task="delayed_xor", seq_len=9, delay=4), 1)
    assert trained_probe(network, {}).experiment.config.delay == 4
    assert trained_probe(network, {"seq_len": 5}, inputs="noise").experiment.config.delay is None
    assert trained_probe(network, {"task": "parity"}).experiment.config.delay is None
    with pytest.raises(ConfigError, match="delay was 3; it works only with task=delayed_xor"):
        trained_probe(network, {"delay": 3}, inputs="noise")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["probe", "made", "--step", "2"], "step was 2; run made has recorded step 1 and every 3 steps after it"),
        (["probe", "seq_len=8", "--step", "1"], "--step was 1; it must follow the id of one run"),
        (["probe", "other", "--step", "1"], "begins with 'other'"),
        (["probe", "made", "--step", "1", "cell=gru"], "cell was 'gru'; the run has 'lstm', so leave it out"),
        (["probe", "made", "initialisation=orthogonal"], "a run has its weights, so leave it out"),
        (["probe", "made", "task=copying"], "task was copying, which has 10 inputs, and run made reads 2;"),
        (["probe", "made", "--layer", "a"], "has no module 'a'; it has 'recurrent'"),
        (["probe", "cell=gru", "--layer", "a"], "--layer was given without --weights or a RUN"),
        (["probe", "seq_len=8", "--inputs", "noise"], "--inputs was given without --weights or a RUN"),
    ],
)
def test_what_cannot_be_probed_is_one_sentence(trained, in_own_folder, words, said):
    trained(**WHOLE)
    with pytest.raises(ConfigError, match=said) as error:
        call(*words)
    one_sentence(error)
