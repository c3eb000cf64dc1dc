"""Explore over a visitor's own file: the numbers of `probe --weights`, one sentence for what is refused, nobody else's
file."""

import io

import numpy as np
import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest
from test_explore import APP, words

from dashboard.explore.explore_frame import explore_html
from dashboard.explore.link import write_link
from dashboard.explore.networks import open_network
from dashboard.explore.settings import Settings
from dashboard.explore.take_away import write_command
from dashboard.explore.uploads import MOST_OF_ONE, UPLOADS, Upload, Uploads, read_upload
from dashboard.explore.view import record_view
from experiments.errors import ConfigError
from experiments.probing.from_weights import weights_probe
from experiments.weights import choose_stack, read_weights


@pytest.fixture
def content() -> bytes:
    """A checkpoint with two recurrent layers."""
    torch.manual_seed(0)
    file = io.BytesIO()
    torch.save(torch.nn.ModuleDict({"a": torch.nn.GRU(2, 6), "b": torch.nn.LSTM(5, 5)}).state_dict(), file)
    return file.getvalue()


def open_page(**link: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, value in link.items():
        at.query_params[name] = value
    return at.run()


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    return at.file_uploader[0].set_value((name, content, "application/octet-stream")).run()


def test_an_uploaded_file_is_opened_as_the_command_opens_it(content, tmp_path):
    at = upload(open_page(), "model.pt", content)
    assert not at.exception
    assert not at.error
    assert any("yours: model.pt, layer a" in m.value for m in at.markdown)
    at.selectbox(key="layer").select_index(1).run()
    assert any("yours: model.pt, layer b" in m.value for m in at.markdown)
    settings = at.session_state["explore-settings"]
    assert (settings.layer, settings.inputs) == (1, "noise")
    at.session_state["largest_singular_value"] = 1.3
    at.run()
    (shown,) = record_view(at.session_state["explore-settings"]).probes.values()
    (tmp_path / "model.pt").write_bytes(content)
    stack = choose_stack(read_weights(tmp_path / "model.pt"), "b")
    expected = weights_probe(stack, ["largest_singular_value=1.3"], "noise")
    assert np.array_equal(shown.profile.median, expected.profile.median)
    assert shown.trace.loss_value == expected.trace.loss_value
    view = record_view(at.session_state["explore-settings"])
    assert write_command(view.settings, view.network)[4:8] == ["--weights", "model.pt", "--layer", "b"]


BAD = {
    b"": ": it is empty, so choose another file.",
    b"not weights": "no torch checkpoint, safetensors file, Keras model or ONNX graph",
    b"PK\x03\x04damaged": "not a complete",
    b"\x80\x02cos\nsystem\n(S'true'\ntR.": "Python objects, which are not loaded",
}


@pytest.mark.parametrize(("bad", "said"), BAD.items(), ids=range(len(BAD)))
def test_a_file_that_cannot_be_read_is_one_sentence_and_the_last_picture_stays(content, bad, said):
    at = upload(upload(open_page(), "model.pt", content), "bad<b>.pt", bad)
    assert not at.exception
    assert said in at.error[0].value
    assert any("yours: model.pt, layer a" in m.value for m in at.markdown)


FILES = {
    "a layer alone": lambda: torch.nn.GRU(4, 5, num_layers=2, bidirectional=True).state_dict(),
    "within a training's checkpoint": lambda: {"epoch": 3, "model": torch.nn.RNN(4, 5).state_dict()},
    "a cell": lambda: torch.nn.LSTMCell(4, 5).state_dict(),
    "without biases": lambda: torch.nn.LSTM(4, 5, bias=False).state_dict(),
}


@pytest.mark.parametrize("kind", [*FILES])
def test_networks_of_all_kinds_are_opened_as_they_are(kind):
    file = io.BytesIO()
    torch.save(FILES[kind](), file)
    at = upload(open_page(), "model.pt", file.getvalue())
    assert not at.exception
    assert not at.error
    settings = at.session_state["explore-settings"]
    assert settings.inputs == "next_character", "the one task with four inputs"
    (shown,) = record_view(settings).probes.values()
    stack = UPLOADS.find(settings.upload).stacks[0]
    for name, parameter in shown.experiment.model.recurrent.named_parameters():
        assert torch.equal(parameter, stack.weights.get(name, torch.zeros_like(parameter)))


def test_a_safetensors_file_is_opened():
    content = save({name: w.contiguous() for name, w in torch.nn.GRU(3, 5).state_dict().items()})
    assert [stack.cell for stack in read_upload("model.safetensors", content, "me").stacks] == ["gru"]


def test_a_network_too_large_for_the_page_begins_with_fewer_sequences_or_is_refused(monkeypatch):
    file = io.BytesIO()
    torch.save(torch.nn.LSTM(3, 64).state_dict(), file)
    monkeypatch.setattr("dashboard.explore.found_controls.PAGE_MEMORY_LIMIT", 1_300_000)
    naming = {"upload": UPLOADS.keep(read_upload("model.pt", file.getvalue(), "me"))}
    start = open_network(naming).start
    assert start["batch_size"] == 1
    assert 1 < start["seq_len"] < 100
    monkeypatch.setattr("dashboard.explore.found_controls.PAGE_MEMORY_LIMIT", 2**19)
    naming = {"upload": UPLOADS.keep(read_upload("model.pt", file.getvalue(), "me"))}
    with pytest.raises(ConfigError, match=r"has 64 hidden units, which need about .* so use the command probe\.$"):
        open_network(naming)


def test_a_layer_that_the_file_does_not_have_is_one_sentence(content):
    key = UPLOADS.keep(read_upload("model.pt", content, "me"))
    with pytest.raises(ConfigError, match=r"^layer was 2; the file has 2 recurrent layers, from 0\.$"):
        open_network({"upload": key, "layer": 2})


def test_a_file_that_unpacks_to_too_much_is_refused(content, monkeypatch):
    monkeypatch.setattr("dashboard.explore.uploads.MOST_UNPACKED", 100)
    with pytest.raises(ConfigError, match="at most 100 are read"):
        read_upload("model.pt", content, "me")


def test_a_file_lies_nowhere_once_it_is_read(content, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    read_upload("../../outside.pt", content, "me")
    with pytest.raises(ConfigError):
        read_upload("model.pt", b"bad", "me")
    assert not [*tmp_path.iterdir()]


def test_nobody_opens_a_file_without_its_key(content):
    """The key is in no link, no downloaded page and no comparison, and a guessed one opens nothing."""
    at = upload(open_page(), "model.pt", content)
    settings = at.session_state["explore-settings"]
    view = record_view(settings, Settings())
    for text in (str(write_link(settings, view.network.controls)), explore_html(view)):
        assert settings.upload not in text
    other = open_page(upload="A" * 32)
    assert "upload it again" in other.error[0].value
    assert other.session_state["explore-settings"].is_drawn
    assert not any("yours" in m.value for m in other.markdown)


def test_a_visitor_keeps_the_latest_files_and_the_server_a_bounded_number(content, monkeypatch):
    uploads = Uploads()
    file = read_upload("model.pt", content, "me")
    keys = [uploads.keep(file) for _ in range(MOST_OF_ONE + 1)]
    with pytest.raises(ConfigError, match="upload it again"):
        uploads.find(keys[0])
    assert uploads.find(keys[1]) is file
    monkeypatch.setattr("dashboard.explore.uploads.MOST_KEPT", 2 * file.size)
    uploads.keep(Upload("other", file.stacks, "other"))
    assert len(uploads._kept) == 2


def test_a_file_that_is_gone_is_said_and_the_page_goes_on(content, monkeypatch):
    at = upload(open_page(), "model.pt", content)
    monkeypatch.setattr(UPLOADS, "_kept", {})
    at.run()
    assert not at.exception
    assert "upload it again" in at.error[0].value
    assert "Elman" in words(at)
