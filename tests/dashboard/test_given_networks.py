"""Explore over a run's network at a recorded step: the numbers of `probe`, and in one sentence what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from test_explore import APP, words
from typer.testing import CliRunner

from dashboard.explore.configs import network_values
from dashboard.explore.explore_frame import explore_lab
from dashboard.explore.link import write_link
from dashboard.explore.networks import network_of, open_network
from dashboard.explore.panels import PANELS
from dashboard.explore.settings import Settings
from dashboard.explore.take_away import write_command
from dashboard.explore.view import record_view
from dashboard.server.live_question import answer_question
from dashboard.train import jobs
from experiments.__main__ import app
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.probing.from_weights import trained_probe
from experiments.probing.given_network import trained_network
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train

OLD = Path(__file__).resolve().parents[2] / "tests/experiments/fixtures/before_weights/ee5acd58fa17"
SIZES = {"seq_len": 12, "hidden_size": 4, "batch_size": 3, "steps": 5, "record_every": 2, "evaluate_every": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of several cells, and one of an earlier version."""
    runs = tmp_path_factory.mktemp("runs")
    more = [
        {"cell": "lstm", "forget_bias": 2.0, "record_units": 2},
        {"cell": "elman", "task": "copying"},
        {"cell": "mingru"},
    ]
    for values in more:
        config = RunConfig.from_values({**SIZES, **values})
        train([Recorder.start(config, runs / config.cell, "reference")])
    shutil.copytree(OLD, runs / "old")
    return runs


@pytest.fixture
def lstm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunReader:
    monkeypatch.setattr(jobs, "RUNS", folder)
    return open_run(folder / "lstm")


def open_page(**link: object) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, value in link.items():
        at.query_params[name] = str(value)
    return at.run()


def test_a_link_opens_the_network_as_the_recorded_step_left_it(lstm):
    at = open_page(run="lstm", step=3)
    assert not at.exception
    assert not at.error
    assert any("trained: lstm at step 3" in m.value for m in at.markdown)
    settings = at.session_state["explore-settings"]
    assert (settings.run, settings.step, settings.inputs, settings.seq_len) == ("lstm", 3, "adding", 12.0)
    (shown,) = record_view(settings).probes.values()
    weights, _ = trained_network(lstm, 3).weights, None
    for name, parameter in shown.experiment.model.recurrent.named_parameters():
        assert torch.equal(parameter, weights[name]), "nothing is changed where the sliders stand"
    assert np.array_equal(shown.profile.median, trained_probe(trained_network(lstm, 3), {}).profile.median)


CHANGES = [
    {"largest_singular_value": 1.4},
    {"forget_bias": 3.0},
    {"input_scale": 2.5},
    {"seq_len": 20.0, "truncate": 7.0},
    {"seed": 5, "batch_size": 2, "dtype": "float64", "loss_position": "every"},
    {"spectrum_shape": "equal"},
    {"singular_values": "1.5,1,0.5,0.25", "largest_singular_value": 1.5},
    {"largest_singular_value": 2.0, "spectrum_blocks": ["f", "g"]},
    {"inputs": "noise"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_every_control_acts_on_a_runs_weights_as_the_command_does(lstm, changes, monkeypatch):
    start = open_network({"run": "lstm", "step": 5}).start
    settings = Settings.of(start | changes)
    (shown,) = record_view(settings).probes.values()
    (before,) = record_view(Settings.of(start)).probes.values()
    assert not np.array_equal(shown.profile.median, before.profile.median)
    command = write_command(settings, network_of(settings))
    called = CliRunner().invoke(app, [*command[3:], "--csv", "-", "--runs", str(jobs.RUNS)], catch_exceptions=False)
    rows = [line.split(",") for line in called.stdout.splitlines()]
    column = rows[0].index("log_norm_median")
    assert [float(row[column]) for row in rows[1:]] == shown.profile.median.tolist()


def test_clipping_acts_on_a_runs_gradient(lstm):
    start = open_network({"run": "lstm", "step": 5}).start
    view = record_view(Settings.of(start | {"clip_threshold": 0.001}))
    (probe,) = view.probes.values()
    assert view.clip(probe).engaged


def test_a_drag_over_a_run_is_answered_by_the_short_way(lstm):
    start = open_network({"run": "lstm", "step": 3}).start
    lab = explore_lab({**start, "largest_singular_value": 1.2, "pinned": start})
    words = trained_network(lstm, 3)
    expected = trained_probe(words, {"largest_singular_value": 1.2}).profile.median
    columns = lab.pictures["profile"]().json_columns()
    assert columns["lstm log_norm median"] == pytest.approx(expected.tolist(), rel=1e-12)
    assert "From A to now:" in lab.words()


def test_inputs_of_another_size_are_one_sentence(lstm):
    start = open_network({"run": "lstm", "step": 3}).start
    with pytest.raises(ConfigError, match=r"^inputs was 'copying' \(allowed: one of adding, noise\)\.$"):
        explore_lab({**start, "inputs": "copying"})


@pytest.mark.parametrize("panel", [*PANELS])
def test_every_panel_shows_over_a_run(lstm, panel):
    at = open_page(run="lstm", step=5, panel=panel)
    assert not at.exception
    assert panel == "Diagnosis" or not at.error


def test_what_cannot_apply_says_so(lstm):
    at = open_page(run="mingru", step=1)
    said = " ".join(c.value for c in at.caption)
    assert "Singular value: " in said
    assert "Cell, sizes and initial weights can be chosen only for untrained networks." in said
    assert not [w for w in at.number_input if w.key in ("hidden_size", "num_layers")]
    at = open_page(run="elman", step=1)
    assert "The cell Elman has no gate that keeps its state." in " ".join(c.value for c in at.caption)
    assert [*at.selectbox(key="inputs").options] == ["Copying ten symbols", "Noise"]


FORGED = {
    ("run", "../../etc"): "run was '../../etc'",
    ("run", "/etc/passwd"): "run was '/etc/passwd'",
    ("run", "x" * 5000): "run was",
    ("step", "-1"): "step was '-1'",
    ("step", "1e99"): "step was '1e99'",
    ("upload", "../secret"): "upload was '../secret'",
}


@pytest.mark.parametrize(("given", "said"), FORGED.items(), ids=range(len(FORGED)))
def test_a_forged_address_is_one_sentence_and_opens_nothing(lstm, given, said):
    at = open_page(**{"run": "lstm", "step": 3, given[0]: given[1]})
    assert not at.exception
    assert said in at.warning[0].value.replace("\\", "")
    assert at.session_state["explore-settings"].is_drawn
    assert "Elman" in words(at), "the page begins as it always does"


ABSENT = {
    ("nobody", 1): "no run in 'runs0' begins with 'nobody'.",
    ("lstm", 2): "step was 2; run lstm has recorded step 1 and every 2 steps after it, up to step 5.",
    ("old", 1): "This run keeps no weights, since an earlier version recorded it",
}


@pytest.mark.parametrize(("link", "said"), ABSENT.items(), ids=str)
def test_a_step_that_is_not_there_is_one_sentence(lstm, link, said):
    at = open_page(run=link[0], step=link[1])
    assert not at.exception
    assert said.split("'runs0'")[-1] in at.error[0].value.replace("\\", "")
    assert str(jobs.RUNS) not in at.error[0].value
    answer = answer_question(b'{"lab": "explore", "state": {"run": "%s", "step": %d}, "charts": [], "words": true}'
                             % (link[0].encode(), link[1]))  # fmt: skip
    assert b'"error"' in answer
    assert str(jobs.RUNS).encode() not in answer


def test_a_refused_address_leaves_the_last_picture(lstm):
    at = open_page(run="lstm", step=3)
    at.query_params["run"] = "nobody"
    at.run()
    assert not at.exception
    assert "nobody" in at.error[0].value
    assert at.session_state["explore-settings"].run == "lstm"


def test_a_refused_setting_leaves_the_last_picture(lstm):
    at = open_page(run="lstm", step=3)
    before = words(at)
    at.session_state["batch_size"], at.session_state["seq_len"], at.session_state["dtype"] = 256, 1000.0, "float64"
    at.run()
    assert not at.exception
    assert "320 MiB" in at.error[0].value
    assert next(line for line in before.split("<br>") if "dL/dh_t" in line) in words(at)


def test_another_recorded_step_is_chosen_and_the_address_follows(lstm):
    at = open_page(run="lstm", step=5, forget_bias=3)
    assert any("trained: lstm at step 5" in m.value for m in at.markdown)
    at.number_input(key="step").set_value(3).run()
    assert any("trained: lstm at step 3" in m.value for m in at.markdown)
    assert at.query_params["step"] == "3"
    assert at.session_state["forget_bias"] == open_network({"run": "lstm", "step": 3}).start["forget_bias"]
    at.number_input(key="step").set_value(4).run()
    assert not at.exception
    assert "step was 4; run lstm has recorded step 1 and every 2 steps after it" in at.error[0].value
    assert at.session_state["step"] == 3
    assert any("trained: lstm at step 3" in m.value for m in at.markdown)


def test_there_is_a_way_back(lstm):
    at = open_page(run="lstm", step=3, largest_singular_value=2)
    assert at.session_state["largest_singular_value"] == 2.0
    at.button(key="as-found").click().run()
    assert (
        at.session_state["largest_singular_value"]
        == open_network({"run": "lstm", "step": 3}).start["largest_singular_value"]
    )
    at.button(key="leave-network").click().run()
    assert not at.exception
    assert not at.error
    assert at.session_state["explore-settings"] == Settings()
    assert not at.query_params


def test_a_link_of_a_run_restores_the_exact_state(lstm):
    start = open_network({"run": "lstm", "step": 3}).start
    settings = Settings.of(start | {"forget_bias": 0.0, "seq_len": 100.0, "largest_singular_value": 1.0})
    opened = network_of(settings)
    link = write_link(settings, opened.controls)
    assert (link["run"], link["step"]) == ("lstm", "3")
    at = open_page(**link)
    assert at.session_state["explore-settings"] == settings


def test_a_watched_modules_run_opens_on_noise_under_a_random_readout(folder, lstm, tmp_path, monkeypatch):
    """A run that no configuration decided: its recurrent layer is known, its task and its readout are not used."""
    theirs = Path(shutil.copytree(folder / "lstm", tmp_path / "theirs"))
    given = json.loads((theirs / "config.json").read_text())
    (theirs / "config.json").write_text(json.dumps({**given, "kind": "module", "config": {}, "id": "theirs"}))
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    at = open_page(run="theirs", step=3)
    assert not at.exception
    assert not at.error
    (shown,) = record_view(at.session_state["explore-settings"]).probes.values()
    assert torch.equal(shown.experiment.model.recurrent.weight_hh_l0, trained_network(lstm, 3).weights["weight_hh_l0"])
    assert "of a random readout" in words(at)


def test_what_is_pinned_of_a_run_that_is_gone_is_let_go_in_a_sentence(folder, tmp_path, monkeypatch):
    shutil.copytree(folder / "lstm", tmp_path / "gone")
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    at = open_page(run="gone", step=3)
    next(b for b in at.button if b.label == "Pin as A").click().run()
    assert "nothing has changed" in words(at)
    at.button(key="leave-network").click().run()
    assert "Network: gone at step 3 → untrained" in words(at)
    shutil.rmtree(tmp_path / "gone")
    at.run()
    assert not at.exception
    assert "begins with 'gone'" in at.error[0].value
    assert "From A to now" not in words(at)
    assert not at.run().error


def test_a_run_that_diverged_is_refused_in_one_sentence(lstm, monkeypatch):
    weights = {name: w.clone().fill_(float("nan")) for name, w in trained_network(lstm, 3).weights.items()}
    monkeypatch.setattr("experiments.probing.given_network.weights_at", lambda run, step: weights)
    with pytest.raises(
        ConfigError, match="weights at step 3 that are not finite; choose a step from before it diverged"
    ):
        trained_network(lstm, 3)


def test_values_over_a_network_are_its_own_where_the_sliders_stand(lstm):
    opened = open_network({"run": "lstm", "step": 1})
    values = network_values(Settings.of(opened.start), opened)
    assert values["forget_bias"] is None
    assert values["largest_singular_value"] is None
    assert opened.start["forget_bias"] == 2.0, "the run's own, and not given to every unit again"
