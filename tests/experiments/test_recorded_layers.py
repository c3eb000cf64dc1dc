"""A recorded step gives the layer records back that `record` made of it."""

import json

import numpy as np
import pytest
import torch

from experiments.runs.opening import open_run
from experiments.runs.store.errors import ForeignRunError, RunError
from experiments.runs.store.layers import layer_records, weights_at
from experiments.runs.store.reader import open_folder
from experiments.runs.train import Recorder, train
from models.recording.layer_record import LayerRecord

WHOLE = {"record_units": None, "record_samples": "1,3", "steps": 7, "record_every": 3, "evaluate_every": None}
NETWORKS = {
    "elman, two layers": {"cell": "elman", "nonlinearity": "relu", "num_layers": 2, "dtype": "float64"},
    "lstm, both directions": {"cell": "lstm", "num_layers": 2, "bidirectional": True, "truncate": 3},
    "gru, reset before, ranged": {"cell": "gru", "reset_after": False, "seq_len_schedule": "ranged", "seq_len_min": 3},
    "diverged": {"cell": "elman", "nonlinearity": "identity", "largest_singular_value": 100.0, "seq_len": 60,
                 "on_nonfinite": "continue", "learning_rate": 1e20},
    "targets at each step": {"task": "copying", "loss_position": "every", "cell": "lstm"},
}  # fmt: skip


def bits(x: torch.Tensor) -> list[object]:
    return x.nan_to_num(nan=12345.0).tolist()


def same_tensors(stored: LayerRecord, seen: LayerRecord, samples: list[int]) -> None:
    """Every tensor of the two is the same, bit by bit."""
    assert type(stored.cell) is type(seen.cell)
    for name, weight in seen.cell.weights.items():
        assert bits(stored.cell.weights[name]) == bits(weight)
    assert {n: getattr(stored.cell, n) for n in seen.cell.option_names} == {
        n: getattr(seen.cell, n) for n in seen.cell.option_names
    }
    pairs = [(stored.inputs, seen.inputs), *zip(stored.before, seen.before, strict=True)]
    pairs += [*zip(stored.after, seen.after, strict=True)]
    pairs += [(stored.gates[name], gate) for name, gate in seen.gates.items()]
    for one, other in (*zip(stored.direct, seen.direct, strict=True), *zip(stored.total, seen.total, strict=True)):
        pairs += [(one.parts[0], other.parts[0]), (one.exponent, other.exponent)]
    pairs += [(stored.log_norm, seen.log_norm), (stored.direct_log_norm, seen.direct_log_norm)]
    for one, other in pairs:
        assert one.dtype == other.dtype
        assert bits(one) == bits(other[:, samples])
    for one, other in zip(stored.grad_start, seen.grad_start, strict=True):
        assert bits(one.parts[0]) == bits(other.parts[0][samples])
        assert bits(one.exponent) == bits(other.exponent[samples])
    assert (stored.reverse, stored.truncate, stored.lengths) == (seen.reverse, seen.truncate, seen.lengths)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recorded_step_gives_back_what_record_gave_bit_by_bit(tmp_path, tiny, name):
    seen = {}
    folder = tmp_path / "run"
    recorder = Recorder.start(tiny(**WHOLE, **NETWORKS[name]), folder)
    train([recorder], lambda recorder, step: seen.update({recorder.training.step: step}))
    run = open_run(folder)
    for step in (1, 4, 7):
        stack = layer_records(run, step)
        assert len(stack.layers) == len(seen[step].trace.layers)
        for stored, recorded in zip(stack.layers, seen[step].trace.layers, strict=True):
            same_tensors(stored, recorded, [1, 3])
    assert bits(layer_records(run).top.hidden) == bits(layer_records(run, 7).top.hidden), "the last is the default"


def test_the_weights_of_a_step_are_those_that_it_found(tmp_path, tiny):
    recorder = Recorder.start(tiny(steps=3, record_every=1, evaluate_every=None), tmp_path / "run")
    found = []
    with recorder:
        for _ in range(3):
            found.append({name: p.detach().clone() for name, p in recorder.training.model.named_parameters()})
            recorder.turn()
    run = open_run(tmp_path / "run")
    for k, weights in enumerate(found):
        stored = weights_at(run, k + 1)
        assert list(stored) == list(weights)
        assert all(torch.equal(stored[name], weight) for name, weight in weights.items())


@pytest.mark.parametrize("step", [0, 2, 43, -2])
def test_a_step_that_is_not_recorded_is_a_sentence(whole, step):
    said = rf"step was {step}; run {whole.name} has recorded step 1 and every 3 steps after it, up to step 40\.$"
    with pytest.raises(RunError, match=said):
        weights_at(whole, step)


def test_a_run_that_keeps_some_units_says_what_it_cannot_show(whole):
    with pytest.raises(RunError, match="keeps the states of 4 of its 6 units, and an analysis needs all"):
        layer_records(whole)


def test_a_run_folder_says_what_it_is_without_its_configuration(whole):
    run = open_folder(whole.folder)
    assert (run.description.kind, run.title) == ("configuration", "adding, lstm, 8 timesteps")
    stack = run.form.stacks["recurrent"]
    assert (stack.cell, stack.input_size, stack.hidden_size, stack.num_layers, stack.num_directions) == (
        "lstm", 2, 6, 1, 1,
    )  # fmt: skip
    dimensions = {axis for name in run.tensors for axis in run.tensor(name).dimensions}
    assert dimensions <= set(run.form.axes), "each axis has a meaning"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"stacks": {"recurrent": {"cell": "lstm", "input_size": 3, "hidden_size": 6}}}, "form.weights"),
        ({"stacks": {"recurrent": {"cell": "transformer", "input_size": 2, "hidden_size": 6}}}, "form.stacks"),
        ({"samples": [9]}, "form.samples"),
        ({"units": [6]}, "form.units"),
        ({"keeps": "layers"}, "form.keeps"),
        ({"timesteps": 0}, "form.timesteps"),
        ({"steps": "x"}, "form.steps"),
    ],
)
def test_a_run_of_no_configuration_is_held_to_what_it_says_of_itself(copied, change, wrong):
    given = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**given, "kind": "module", "config": {}, "id": "theirs"}))
    assert layer_names(open_run(copied)) == ["l0"]
    given["form"] |= change
    (copied / "config.json").write_text(json.dumps({**given, "kind": "module"}))
    with pytest.raises(ForeignRunError, match=wrong):
        open_run(copied)


def layer_names(run):
    assert np.isfinite(run.tensor("weights")[:]).all()
    return run.attributes["layer"]


def test_a_configuration_that_says_another_form_is_refused(copied):
    given = json.loads((copied / "config.json").read_text())
    given["form"]["batch_size"] = 4
    (copied / "config.json").write_text(json.dumps(given))
    with pytest.raises(ForeignRunError, match="form is not what its settings give"):
        open_run(copied)
