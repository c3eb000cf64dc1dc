"""Checkpoints of other programs: their layers give, in the lab's cells, the outputs that their own library gives."""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from one_sentence import one_sentence
from safetensors.torch import save_file

from experiments.errors import ConfigError
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


class Bomb:
    """A pickle that would run a command when it is loaded."""

    def __reduce__(self):
        return (os.system, ("touch executed",))


def zipped(entries, claimed=None):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return content.getvalue()


def saved(content):
    to = io.BytesIO()
    torch.save(content, to)
    return to.getvalue()


def hdf5(make):
    h5py = pytest.importorskip("h5py")
    to = io.BytesIO()
    with h5py.File(to, "w") as file:
        make(file, h5py)
    return to.getvalue()


def lstm_with(**changes):
    return torch.nn.LSTM(2, 3).state_dict() | changes


def onnx_with(change):
    onnx = pytest.importorskip("onnx")
    h = onnx.helper
    tensors = [h.make_tensor(n, 1, s, np.ones(s).ravel()) for n, s in {"W": (1, 12, 2), "R": (1, 12, 3)}.items()]
    node = h.make_node("LSTM", ["X", "W", "R"], ["Y"], hidden_size=3)
    change(node, tensors, onnx)
    graph = h.make_graph([node], "g", [], [], tensors)
    return h.make_model(graph).SerializeToString()


def outside(node, tensors, onnx):
    tensors[0].ClearField("float_data")
    tensors[0].data_location = onnx.TensorProto.EXTERNAL
    tensors[0].external_data.add(key="location", value="/etc/passwd")


def keras_with(**settings):
    """An LSTM's weights with a bias of `bias`'s shape, and a model's configuration that says so of its layer."""

    def make(file, h5py):
        bias = settings.pop("bias", (12,))
        for k, shape in enumerate([(2, 12), (3, 12), bias]):
            file[f"layers/lstm/cell/vars/{k}"] = np.ones(shape, np.float32)
        file["layers/lstm"].create_group("vars").attrs["name"] = "lstm"
        layer = {"class_name": "LSTM", "config": {"name": "lstm", **settings}}
        file.attrs["model_config"] = json.dumps({"class_name": ["x"], "config": {"layers": [layer]}})

    return hdf5(make)


def onnx_attribute(**attributes):
    return onnx_with(
        lambda n, t, o: n.attribute.extend(o.helper.make_attribute(key, value) for key, value in attributes.items())
    )


def three_directions(node, tensors, onnx):
    tensors[:] = [
        onnx.helper.make_tensor(n, 1, s, np.ones(s).ravel()) for n, s in {"W": (3, 12, 2), "R": (3, 12, 3)}.items()
    ]


def affine(node, tensors, onnx):
    node.op_type = "RNN"
    for name, value in {"activations": ["Affine"], "activation_alpha": [2.0]}.items():
        node.attribute.append(onnx.helper.make_attribute(name, value))


HOSTILE = {
    "a pickle that runs a command": lambda: pickle.dumps(Bomb()),
    "a checkpoint that runs a command": lambda: zipped(
        {"archive/data.pkl": pickle.dumps(Bomb()), "archive/version": "3"}
    ),
    "a zip bomb": lambda: bomb(),
    "a truncated checkpoint": lambda: saved(lstm_with())[:500],
    "a header that claims terabytes": lambda: b"\xff\xff\xff\xff\xff\x0f\x00\x00{" + b" " * 100,
    "tensors beyond the file": lambda: safetensors_claiming([2**20, 2**20]),
    "wrong shapes": lambda: saved(lstm_with(weight_ih_l0=torch.ones(12, 2, 2))),
    "shapes that do not fit": lambda: saved(lstm_with(bias_hh_l0=torch.ones(5))),
    "weights that are not numbers": lambda: saved(lstm_with(bias_hh_l0=torch.full((12,), torch.nan))),
    "no recurrent layer": lambda: saved(torch.nn.Linear(3, 4).state_dict()),
    "ten thousand layers": lambda: saved(lstm_with(weight_hh_l9999=torch.ones(12, 3))),
    "a view of one number that claims 10^12": lambda: saved(lstm_with(weight_ih_l0=torch.ones(1).expand(10**6, 10**6))),
    "a link out of an HDF5 file": lambda: hdf5(lambda f, h: f.__setitem__("kernel", h.ExternalLink("other.h5", "x"))),
    "HDF5 data in another file": lambda: hdf5(
        lambda f, h: f.create_dataset("kernel", (4,), "f4", external=[("/etc/passwd", 0, 16)])
    ),
    "a gigantic HDF5 array": lambda: hdf5(lambda f, h: f.create_dataset("kernel", (2**40,), "f4", chunks=(2**10,))),
    "a .keras file without a model": lambda: zipped({"config.json": "{}"}),
    "ONNX data in another file": lambda: onnx_with(outside),
    "an ONNX node with another activation": lambda: onnx_with(
        lambda n, t, o: n.attribute.append(o.helper.make_attribute("activations", ["Elu", "Elu", "Elu"]))
    ),
    "whole numbers, whose scale is elsewhere": lambda: saved(
        lstm_with(weight_hh_l0=torch.ones(12, 3, dtype=torch.int8))
    ),
    "float8 numbers": lambda: saved(lstm_with(bias_ih_l0=torch.ones(12).to(torch.float8_e4m3fn))),
    "complex numbers": lambda: saved(lstm_with(bias_ih_l0=torch.ones(12, dtype=torch.complex64))),
    "a sparse matrix": lambda: saved(lstm_with(weight_hh_l0=torch.ones(12, 3).to_sparse())),
    "weights without content": lambda: saved(lstm_with(weight_hh_l0=torch.ones(12, 3, device="meta"))),
    "a Keras activation of one's own": lambda: keras_with(activation={"class_name": "function"}),
    "a Keras layer that reads backwards": lambda: keras_with(go_backwards=True),
    "three Keras biases": lambda: keras_with(bias=(3, 12)),
    "a single Keras bias": lambda: keras_with(bias=()),
    "an ONNX node whose activations are numbers": lambda: onnx_attribute(activations=[1, 2]),
    "an ONNX node whose activations are no text": lambda: onnx_attribute(activations=[b"\xff"]),
    "an ONNX node that multiplies by two": lambda: onnx_with(affine),
    "an ONNX node of three directions": lambda: onnx_with(three_directions),
    "an ONNX node without a name and outputs": lambda: onnx_with(lambda n, t, o: (n.ClearField("output"), t.pop())),
    "ONNX numbers of no type": lambda: onnx_with(lambda n, t, o: setattr(t[0], "data_type", 999)),
    "text": lambda: b"hello\n" * 100,
    "nothing": lambda: b"",
}


def bomb():
    """A gigabyte of zeros thrice over, in three megabytes."""
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"")
        file.writestr("archive/data/0", bytes(2**20))
    return to.getvalue().replace((2**20).to_bytes(4, "little"), (2**32 - 2).to_bytes(4, "little"))


def safetensors_claiming(shape):
    header = json.dumps(
        {"weight_hh_l0": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * shape[0] * shape[1]]}}
    )
    return len(header).to_bytes(8, "little") + header.encode()


SAID = {
    "a pickle that runs a command": "holds Python objects",
    "a checkpoint that runs a command": "holds Python objects",
    "a zip bomb": "unpacks to",
    "a truncated checkpoint": "no whole torch checkpoint",
    "a header that claims terabytes": "no whole safetensors",
    "tensors beyond the file": "no whole safetensors",
    "wrong shapes": "must be a matrix",
    "shapes that do not fit": "it must be",
    "weights that are not numbers": "not finite",
    "no recurrent layer": "has no RNN, LSTM or GRU",
    "ten thousand layers": "has no weight_hh_l1;",
    "a view of one number that claims 10^12": "has no weight_ih_l0",
    "a link out of an HDF5 file": "a link to another place",
    "HDF5 data in another file": "keeps its data in another file",
    "a gigantic HDF5 array": "numbers; at most",
    "a .keras file without a model": "no whole .keras file",
    "ONNX data in another file": "keeps its weights in another file",
    "an ONNX node with another activation": "activations 'Elu, Elu, Elu'",
    "whole numbers, whose scale is elsewhere": "weight_hh_l0 has numbers of int8; they must be of float16",
    "float8 numbers": "bias_ih_l0 has numbers of float8_e4m3fn",
    "complex numbers": "bias_ih_l0 has numbers of complex64",
    "a sparse matrix": "weight_hh_l0 is no dense tensor",
    "weights without content": "weight_hh_l0 is no dense tensor",
    "a Keras activation of one's own": "has the activation {'class_name'",
    "a Keras layer that reads backwards": "reads backwards",
    "three Keras biases": "do not fit each other",
    "a single Keras bias": "do not fit each other",
    "an ONNX node whose activations are numbers": "has the activations [1, 2]",
    "an ONNX node whose activations are no text": "has the activations",
    "an ONNX node that multiplies by two": "has the activations 'Affine'",
    "an ONNX node of three directions": "do not fit each other",
    "an ONNX node without a name and outputs": "has no weights in the file",
    "ONNX numbers of no type": "damaged weights",
    "text": "no torch checkpoint, safetensors file, Keras model or ONNX graph",
    "nothing": "has no RNN, LSTM or GRU",
}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_gets_one_sentence_and_executes_nothing(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file"
    path.write_bytes(HOSTILE[kind]())
    with pytest.raises(ConfigError) as error:
        read_weights(path)
    assert SAID[kind] in one_sentence(error)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file"]


def test_bfloat16_weights_of_an_onnx_file_are_read(tmp_path):
    def rounded(node, tensors, onnx):
        tensors[0].CopyFrom(onnx.helper.make_tensor("W", onnx.TensorProto.BFLOAT16, (1, 12, 2), np.full(24, 0.5)))

    (tmp_path / "file").write_bytes(onnx_with(rounded))
    (stack,) = read_weights(tmp_path / "file")
    assert torch.equal(stack.weights["weight_ih_l0"], torch.full((12, 2), 0.5))


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match="--weights was"):
            read_weights(path)
