"""Weights files of strangers: each gives one sentence, executes nothing, and opens nothing outside of it."""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from one_sentence import one_sentence

from experiments.errors import ConfigError
from experiments.weights import read_weights


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
    "a truncated checkpoint": "not a complete torch checkpoint",
    "a header that claims terabytes": "not a complete safetensors",
    "tensors beyond the file": "not a complete safetensors",
    "wrong shapes": "must be a matrix",
    "shapes that do not fit": "it must be",
    "weights that are not numbers": "not finite",
    "no recurrent layer": "has no RNN, LSTM or GRU",
    "ten thousand layers": "has no weight_hh_l1;",
    "a view of one number that claims 10^12": "has no weight_ih_l0",
    "a link out of an HDF5 file": "a link to another file",
    "HDF5 data in another file": "keeps its data in another file",
    "a gigantic HDF5 array": "numbers; at most",
    "a .keras file without a model": "not a complete .keras file",
    "ONNX data in another file": "keeps its weights in another file",
    "an ONNX node with another activation": "activations 'Elu, Elu, Elu'",
    "whole numbers, whose scale is elsewhere": "weight_hh_l0 has numbers of int8; they must be of float16",
    "float8 numbers": "bias_ih_l0 has numbers of float8_e4m3fn",
    "complex numbers": "bias_ih_l0 has numbers of complex64",
    "a sparse matrix": "weight_hh_l0 is not a dense tensor",
    "weights without content": "weight_hh_l0 is not a dense tensor",
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
    "nothing": ": it is empty, so choose another file.",
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
