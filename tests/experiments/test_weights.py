"""Checkpoints of other programs: their layers give, in the lab's cells, the outputs that their own library gives."""

import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from experiments.weights import read_weights
from models import record

pytestmark = pytest.mark.processes

os.environ.setdefault("KERAS_BACKEND", "torch")


def hidden_of(stack, inputs):
    """[batch, time, unit]: what the lab's cells make of [batch, time, input]."""
    model = stack.model(1, torch.Generator(), torch.float64)
    trace = record(model, torch.from_numpy(inputs).transpose(0, 1).double(), lambda outputs: outputs.sum())
    top = trace.layers[-trace.num_directions :]
    return torch.cat([layer.hidden for layer in top], dim=-1).transpose(0, 1)


def batch(size, seq_len=7, seed=0):
    return np.random.default_rng(seed).normal(size=(4, seq_len, size)).astype(np.float32)


class Encoder(torch.nn.Module):
    """A model as people write them, its recurrent layer somewhere inside."""

    def __init__(self, layer):
        super().__init__()
        self.embedding = torch.nn.Embedding(5, 3)
        self.encoder = torch.nn.ModuleDict({"rnn": layer})


@pytest.mark.parametrize("how", ["state_dict", "nested", "safetensors"])
@pytest.mark.parametrize(
    ("layer", "cell"),
    [
        (torch.nn.LSTM(3, 5, num_layers=2, bidirectional=True, batch_first=True), "lstm"),
        (torch.nn.GRU(3, 5, batch_first=True, bias=False), "gru"),
        (torch.nn.RNN(3, 5, num_layers=3, batch_first=True), "elman"),
    ],
)
def test_torch_and_safetensors_give_torchs_outputs(tmp_path, how, layer, cell):
    model, path = Encoder(layer), tmp_path / "file"
    if how == "safetensors":
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
    else:
        torch.save(model.state_dict() if how == "state_dict" else {"epoch": 3, "model": model.state_dict()}, path)
    (stack,) = read_weights(path)
    assert (stack.cell, stack.name.endswith("encoder.rnn")) == (cell, True)
    inputs = batch(3)
    expected = layer(torch.from_numpy(inputs))[0].detach()
    assert torch.allclose(hidden_of(stack, inputs), expected.double(), atol=1e-5)


def test_a_cell_in_a_checkpoint_is_a_layer_of_one(tmp_path):
    cell = torch.nn.LSTMCell(2, 3)
    torch.save(cell.state_dict(), tmp_path / "cell.pt")
    (stack,) = read_weights(tmp_path / "cell.pt")
    assert stack.sentence == (
        "Found the recurrent layer: LSTM, 1 layer, one direction, 2 inputs, 3 hidden units (torch's order of gates)."
    )


@pytest.fixture(scope="module")
def keras_model():
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(1)
    layers = keras.layers
    inputs = keras.Input((7, 3))
    x = layers.LSTM(4, return_sequences=True, name="first")(inputs)
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True), name="both")(x)
    x = layers.GRU(5, reset_after=False, return_sequences=True, name="plain")(x)
    x = layers.SimpleRNN(2, activation="relu", use_bias=False, return_sequences=True, name="simple")(x)
    model = keras.Model(inputs, x)
    rng = np.random.default_rng(0)  # Keras's biases begin at zero, which would prove nothing of them
    model.set_weights([w + rng.normal(size=w.shape).astype(w.dtype) * 0.3 for w in model.get_weights()])
    return keras, model


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.weights.h5"])
def test_keras_gives_kerass_outputs(tmp_path, keras_model, name):
    keras, model = keras_model
    path = tmp_path / name
    model.save_weights(path) if name == "model.weights.h5" else model.save(path)
    stacks = {stack.name: stack for stack in read_weights(path)}
    assert {n: s.cell for n, s in stacks.items()} == {
        "first": "lstm", "both": "gru", "plain": "gru", "simple": "elman",
    }  # fmt: skip
    assert stacks["both"].options == {"reset_after": True}
    assert stacks["plain"].options == {"reset_after": False}
    before = batch(3)
    for layer in model.layers[1:]:
        after = keras.Model(model.input, layer.output).predict(batch(3), verbose=0)
        if layer.name != "simple" or name != "model.weights.h5":  # weights alone do not say the nonlinearity
            got = hidden_of(stacks[layer.name], before).detach().numpy()
            assert got == pytest.approx(after, abs=1e-5), layer.name
        before = after


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU", "GRU-reset-after"])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_onnx_gives_its_runtimes_outputs(tmp_path, cell, direction):
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    h = onnx.helper
    kind, _, after = cell.partition("-")
    gates, D, H, I = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind], 1 + (direction == "bidirectional"), 5, 3
    rng = np.random.default_rng(0)
    values = {"W": (D, gates * H, I), "R": (D, gates * H, H), "B": (D, 2 * gates * H)}
    initial = [h.make_tensor(n, 1, s, rng.normal(size=s).ravel() * 0.5) for n, s in values.items()]
    attributes = {"hidden_size": H, "direction": direction} | ({"linear_before_reset": 1} if after else {})
    node = h.make_node(kind, ["X", "W", "R", "B"], ["Y"], name="layer", **attributes)
    graph = h.make_graph(
        [node], "g", [h.make_tensor_value_info("X", 1, [7, 4, I])], [h.make_tensor_value_info("Y", 1, None)], initial
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    (stack,) = read_weights(path)
    inputs = batch(I)
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (Y,) = session.run(["Y"], {"X": inputs.swapaxes(0, 1)})  # [time, direction, batch, unit]
    expected = Y.transpose(2, 0, 1, 3).reshape(4, 7, D * H)
    assert hidden_of(stack, inputs).detach().numpy() == pytest.approx(expected, abs=1e-5)
