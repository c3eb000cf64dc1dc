"""`probe --weights`: a checkpoint on a task's inputs, on given ones and on noise; every setting acts on its weights."""

import json

import numpy as np
import pytest
import torch
from commanding import call

from experiments.errors import ConfigError
from experiments.probing.from_weights import weights_probe
from experiments.weights import choose_stack, read_weights
from models import record


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"first": torch.nn.GRU(2, 6), "second": torch.nn.LSTM(3, 5, num_layers=2)})
    torch.save(model.state_dict(), tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_a_checkpoint_on_given_inputs_gives_autograds_gradients(checkpoint, tmp_path):
    inputs = np.random.default_rng(0).normal(size=(9, 4, 3))
    np.save(tmp_path / "inputs.npy", inputs)
    stack = choose_stack(read_weights(checkpoint), "second")
    result = weights_probe(stack, ["dtype=float64"], str(tmp_path / "inputs.npy"), "model.pt")
    lstm = torch.nn.LSTM(3, 5, num_layers=2, dtype=torch.float64)
    lstm.load_state_dict(stack.weights)
    outputs, _ = lstm(torch.from_numpy(inputs))
    readout = result.experiment.model.readout
    torch.nn.functional.linear(outputs, readout.weight, readout.bias)[-1].mean().backward()
    for name, parameter in lstm.named_parameters():
        assert torch.allclose(result.trace.parameter_grads[f"recurrent.{name}"], parameter.grad, rtol=1e-10, atol=1e-14)


def test_settings_act_on_the_weights_that_were_found(checkpoint):
    stack = choose_stack(read_weights(checkpoint), None)
    words = ["dtype=float64", "largest_singular_value=1.2", "seq_len=20"]
    result = weights_probe(stack, words)
    assert all(s.spectral_norm == pytest.approx(1.2) for s in result.spectra.values())
    W = stack.weights["weight_hh_l0"].double().split(6)
    got = result.experiment.model.recurrent.weight_hh_l0.detach().split(6)
    for before, after in zip(W, got, strict=True):  # its singular vectors are kept
        assert torch.allclose(after, 1.2 * before / torch.linalg.matrix_norm(before, 2), atol=1e-6)
    again = record(result.experiment.model, result.experiment.inputs, result.experiment.loss)
    assert torch.allclose(again.log_norm, result.trace.log_norm, atol=1e-12)


def test_the_command_says_what_it_found(checkpoint):
    said = call("probe", "--weights", str(checkpoint), "--layer", "second", "--inputs", "noise", "seq_len=12")
    assert said.startswith("Found layer second: LSTM, 2 layers, one direction, 3 inputs, 5 hidden units")
    assert "model.pt: noise, T = 12" in said
    said = call("probe", "--weights", str(checkpoint), "seq_len=12", "--json")
    (row,) = json.loads(said)
    assert (row["config"]["cell"], row["config"]["hidden_size"], row["config"]["task"]) == ("gru", 6, "adding")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cell=lstm"], "cell was 'lstm'; the file has 'gru', so leave it out."),
        (["hidden_size=7"], "hidden_size was 7; the file has 6, so leave it out."),
        (["initialisation=orthogonal"], "a file has its weights, so leave it out."),
        (["task=copying"], "task was copying, which has 10 inputs, and layer first reads 2;"),
    ],
)
def test_what_contradicts_the_file_is_one_sentence(checkpoint, words, said):
    with pytest.raises(ConfigError) as error:
        weights_probe(read_weights(checkpoint)[0], words)
    assert said in str(error.value)


def npy(header):
    """A .npy file with this header."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(16)


@pytest.mark.parametrize("kind", [">f8", ">i4", "longdouble", "uint16", "bool"])
def test_numbers_of_any_type_and_byte_order_are_read_as_they_are(checkpoint, tmp_path, kind):
    inputs = np.arange(12).reshape(6, 1, 2) % 2
    np.save(tmp_path / "inputs.npy", inputs.astype(kind))
    result = weights_probe(read_weights(checkpoint)[0], [], str(tmp_path / "inputs.npy"))
    assert result.experiment.inputs.tolist() == inputs.tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (np.array([{"a": 1}], dtype=object), "a whole .npy file of numbers"),
        (np.ones(3), "it must be [time, input] or [time, batch, input]."),
        (np.full((4, 2), np.nan), "contains Inf or NaN"),
        (b"no numbers", "a whole .npy file of numbers"),
        (b"PK\x03\x04" + bytes(40), "a whole .npy file of numbers"),
        (npy("(" * 99), "a whole .npy file of numbers"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 1, 2)}"), "a whole .npy file of numbers"),
    ],
)
def test_inputs_that_are_none_are_one_sentence(checkpoint, tmp_path, content, said):
    path = tmp_path / "inputs.npy"
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content, allow_pickle=True)
    with pytest.raises(ConfigError) as error:
        weights_probe(read_weights(checkpoint)[0], [], str(path))
    assert said in str(error.value)


@pytest.mark.parametrize("noise", ["noise:1", "noise:a,b", "noise:0,-1", "noise:0,inf"])
def test_noise_of_no_statistics_is_one_sentence(checkpoint, noise):
    with pytest.raises(ConfigError, match="after noise: there must be a mean and a deviation"):
        weights_probe(read_weights(checkpoint)[0], [], noise)
