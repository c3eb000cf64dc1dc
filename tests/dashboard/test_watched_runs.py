"""The page Runs on somebody's own training: every panel of every module, beside runs of ours."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from dashboard.explore.link import write_link
from dashboard.explore.networks import network_of
from dashboard.explore.panels import PANELS
from dashboard.explore.take_away import write_command
from dashboard.explore.view import record_view
from dashboard.runs.step_panels import RecordedStep, trained_network
from dashboard.train import jobs
from experiments.config.run_config import RunConfig
from experiments.probing.watched import recorded_pass
from experiments.runs.opening import open_run
from experiments.runs.pictures import run_pictures
from experiments.runs.store.layers import layer_records
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train
from models import watch

ROOT = Path(__file__).resolve().parents[2]


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, batch_first=True)
        self.elman = nn.RNN(4, 5, batch_first=True)

    def forward(self, x):
        return self.elman(self.lstm(x)[0])[0][:, -1]


def write_run(folder: Path, log_clipping: bool = True) -> RunReader:
    torch.manual_seed(0)
    network = Pair()
    with watch(network, every=2, samples=2, run=folder, title="two <i>modules</i>") as seen:
        for step in range(5):
            loss = network(torch.randn(3, 12, 3)).square().mean()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(network.parameters(), 0.1)
            seen.log(loss=loss, top_5=step / 5, **({"grad_norm": norm, "clip": 0.1} if log_clipping else {}))
    return open_run(folder)


@pytest.fixture(scope="module")
def watched_run(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    return write_run(tmp_path_factory.mktemp("runs") / "mine")


def open_page(monkeypatch: pytest.MonkeyPatch, runs: Path, names: str, **link: str) -> AppTest:
    monkeypatch.setattr(jobs, "RUNS", runs)
    monkeypatch.setattr("dashboard.runs.page.RUNS", runs, raising=False)
    at = AppTest.from_file(str(ROOT / "dashboard" / "runs" / "page.py"), default_timeout=60)
    at.query_params["run"] = names
    for key, text in link.items():
        at.query_params[key] = text
    at.run()
    assert not at.exception
    assert not at.error
    return at


@pytest.mark.parametrize("module", ["lstm", "elman"])
@pytest.mark.parametrize("name", [name for name in PANELS if name != "Diagnosis"])
def test_every_panel_draws_a_watched_module(watched_run, module, name):
    view = watched_run.of(module)
    panel = PANELS[name](RecordedStep({module: trained_network(view, 3)}))
    truth = PANELS[name](RecordedStep({module: recorded_pass(view, 3)}))
    assert panel.rows or (module, name) in [("elman", of_gates) for of_gates in ("Gates", "Paths", "Cell state")]
    for row, wanted in zip(panel.rows, truth.rows, strict=True):
        for key, draw in row.items():
            assert json.dumps(draw().json_columns()) == json.dumps(wanted[key]().json_columns())


def test_the_clipping_panel_says_what_to_log(tmp_path):
    run = write_run(tmp_path / "mine", log_clipping=False)
    panel = PANELS["Clipping"](RecordedStep({"lstm": trained_network(run, 3)}))
    assert not panel.rows
    assert "seen.log(grad_norm=norm, clip=1.0)" in panel.note


def test_runs_shows_the_module_that_is_chosen(monkeypatch, watched_run):
    runs = watched_run.folder.parent
    at = open_page(monkeypatch, runs, "mine", look="Diagnosis")
    (choice,) = [box for box in at.selectbox if box.label == "Module"]
    assert choice.options == ["lstm", "elman"]
    choice.select("elman").run()
    assert not at.exception
    assert not at.error


def test_explore_opens_the_module_that_a_link_names(monkeypatch, watched_run):
    monkeypatch.setattr(jobs, "RUNS", watched_run.folder.parent)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in {"run": "mine", "step": "3", "layer": "1"}.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    assert not at.error
    assert any("trained: mine at step 3, elman" in text.value for text in at.markdown)
    settings = at.session_state["explore-settings"]
    assert write_link(settings, network_of(settings).controls)["layer"] == "1"
    (shown,) = record_view(settings).probes.values()
    assert torch.equal(shown.layer.cell.weight_hh, layer_records(watched_run.of("elman"), 3).top.cell.weight_hh)
    assert write_command(settings, network_of(settings))[4:9] == ["mine", "--step", "3", "--layer", "elman"]


def test_a_watched_run_lies_over_one_of_ours(tmp_path, watched_run):
    config = RunConfig(cell="gru", seq_len=6, hidden_size=3, batch_size=2, steps=3, record_every=1, evaluate_every=None)
    train([Recorder.start(config, tmp_path / "ours")])
    pictures = run_pictures([watched_run, open_run(tmp_path / "ours")])
    assert {"heatmap-mine", "heatmap-mine_2", "heatmap-ours", "loss", "norm", "own-0"} <= pictures.keys()
    columns = pictures["loss"].columns
    logged = watched_run.scalars()
    own = [loss for run, loss in zip(columns["run"], columns["loss"], strict=True) if run == "mine"]
    assert np.allclose(own, logged["loss"])
    assert pictures["own-0"].columns["value"] == logged["top_5"].tolist()


@pytest.mark.parametrize("chosen", ["mine,gru", "gru,mine", "mine,gru,elman"])
def test_the_page_shows_a_watched_run_beside_trainings_which_their_cells_name(
    monkeypatch, tmp_path, watched_run, chosen
):
    shutil.copytree(watched_run.folder, tmp_path / "mine")
    for cell in ("gru", "elman"):
        config = RunConfig(cell=cell, seq_len=6, hidden_size=3, batch_size=2, steps=3, evaluate_every=None)
        train([Recorder.start(config, tmp_path / cell)])
    at = open_page(monkeypatch, tmp_path, chosen)
    (table,) = [frame.value for frame in at.dataframe if "setting" in frame.value]
    names = {"mine": "mine", "gru": "GRU", "elman": "Elman"}
    assert list(table.columns[1:]) == [names[name] for name in chosen.split(",")]
    assert "none" in table[table["setting"] == "Cell"]["mine"].tolist()


def test_runs_follows_a_training_that_goes_on_until_it_ends(monkeypatch, tmp_path):
    network = nn.GRU(3, 4)
    with watch(network, run=tmp_path / "mine", title="going on") as seen:
        network(torch.randn(6, 2, 3))[0].sum().backward()
        seen.log(loss=1.0)
        at = open_page(monkeypatch, tmp_path, "mine")
        assert "Follow the training" in [toggle.label for toggle in at.toggle]
        assert "Optimiser step 1 of 1" in [text.value for text in at.markdown]
    at.run()
    assert "Follow the training" not in [toggle.label for toggle in at.toggle]
