"""float32 and float64 are one network on one batch: everything is drawn in float64 and rounded."""

import orjson
import pytest
import torch

from experiments.config.run_config import RunConfig
from experiments.runs.opening import config_of, open_run
from experiments.runs.recorder import Recorder
from experiments.training.build import build
from experiments.training.training import Training
from models import CELLS, SequenceModel

SETTINGS = {
    "default": {},
    "gaussian": {"initialisation": "gaussian", "gain": 1.3},
    "orthogonal": {"initialisation": "orthogonal"},
    "identity": {"initialisation": "identity"},
    "chrono": {"initialisation": "chrono"},
    "largest": {"largest_singular_value": 1.1, "input_scale": 0.3},
    "list": {"singular_values": "1.2,0.9,0.5,0.1", "initialisation": "orthogonal"},
    "shape": {"spectrum_shape": "gaussian", "largest_singular_value": 0.9},
    "deep": {"num_layers": 2, "bidirectional": True, "forget_bias": 1.1},
}


@pytest.mark.parametrize(
    ("cell", "name"), [(c, n) for c in CELLS for n in SETTINGS if n != "chrono" or CELLS[c].keep_gate is not None]
)
def test_float32_weights_are_the_float64_weights_rounded(cell, name):
    base = {"cell": cell, "hidden_size": 4, "seq_len": 12, **SETTINGS[name]}
    single, double = (build(RunConfig.from_values({**base, "dtype": dtype})) for dtype in ("float32", "float64"))
    weights = dict(double.model.named_parameters())
    for parameter, weight in single.model.named_parameters():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, weights[parameter].float()), parameter


@pytest.mark.parametrize("task", ["adding", "copying", "temporal_order", "next_character"])
def test_float32_sequences_are_the_float64_sequences_rounded(task):
    base = {"task": task, "hidden_size": 4, "seq_len": 12, "batch_size": 3}
    single, double = (build(RunConfig.from_values({**base, "dtype": dtype})) for dtype in ("float32", "float64"))
    assert torch.equal(single.inputs, double.inputs.float())
    assert torch.equal(single.targets, double.targets.to(single.targets.dtype))


def test_the_constructor_draws_one_network_in_every_dtype():
    made = [
        SequenceModel("gru", 2, 5, 1, 2, generator=torch.Generator().manual_seed(3), dtype=dtype)
        for dtype in (torch.float64, torch.float32, torch.bfloat16)
    ]
    exact = dict(made[0].named_parameters())
    for model in made[1:]:
        for name, weight in model.named_parameters():
            assert torch.equal(weight, exact[name].to(weight.dtype)), name


def test_an_lstms_decay_does_not_depend_on_the_dtype():
    rates = []
    for dtype in ("float32", "float64"):
        training = Training(RunConfig(cell="lstm", hidden_size=16, seq_len=60, dtype=dtype))
        trace = training.advance().trace
        rates.append((trace.log_norm[0, -1] - trace.log_norm[0, 0]).mean().item() / 59)
    assert rates[0] == pytest.approx(rates[1], abs=1e-5)


def test_a_run_from_before_is_still_read_and_no_new_run_takes_its_name(tmp_path):
    config = RunConfig(hidden_size=4, seq_len=6, batch_size=2, steps=2, evaluate_size=4)
    assert config.identity() != config.identity(version=1)
    folder = tmp_path / config.identity(version=1)
    with Recorder.start(config, folder):
        pass
    description = orjson.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_bytes(orjson.dumps(description | {"id": config.identity(version=1)}))
    assert config_of(open_run(folder)) == config
