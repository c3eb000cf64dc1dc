"""Explore over a run's network at a recorded step: the numbers of `probe`, and in one sentence what is refused."""

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from test_explore import APP
from typer.testing import CliRunner

from dashboard.explore.configs import network_values
from dashboard.explore.explore_frame import explore_frame, explore_lab
from dashboard.explore.link import write_link
from dashboard.explore.networks import network_of, open_network
from dashboard.explore.panels import PANELS
from dashboard.explore.settings import Settings
from dashboard.explore.take_away import write_command
from dashboard.explore.view import record_view
from dashboard.train import jobs
from experiments.__main__ import app
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.probing.from_weights import trained_probe
from experiments.probing.given_network import trained_network
from experiments.runs.train import Recorder, train


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


@pytest.mark.parametrize(("shared", "named"), [("0", True), ("1", False)])
def test_the_command_finds_the_run_where_the_server_has_it_and_strangers_learn_of_no_folder(
    lstm, monkeypatch, shared, named
):
    monkeypatch.setenv("GRADIENT_FLOW_SHARED", shared)
    settings = Settings.of(open_network({"run": "lstm", "step": 5}).start)
    command = write_command(settings, network_of(settings))
    assert (str(jobs.RUNS) in command) == named
    if named:
        monkeypatch.delenv("GRADIENT_FLOW_RUNS", raising=False)
        assert CliRunner().invoke(app, command[3:], catch_exceptions=False).exit_code == 0


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_every_control_acts_on_a_runs_weights_as_the_command_does(lstm, changes):
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


def test_nothing_is_clipped_where_the_run_did_not_clip(tmp_path, monkeypatch):
    config = RunConfig(cell="elman", nonlinearity="relu", initialisation="gaussian", gain=3.0, seq_len=30,
                       hidden_size=8, batch_size=3, steps=2, record_every=1, learning_rate=1e-6)  # fmt: skip
    train([Recorder.start(config, tmp_path / "unclipped")])
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    view = record_view(Settings.of(open_network({"run": "unclipped", "step": 1}).start))
    (probe,) = view.probes.values()
    assert view.clip(probe).log_norm_before > np.log(1000), "beyond the threshold that the page once showed"
    assert not view.clip(probe).engaged
    assert "not clipped" in explore_frame(view).words()
    assert "clip_threshold=none" in write_command(view.settings, network_of(view.settings))


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
    with pytest.raises(
        ConfigError, match=r"^inputs was 'copying' \(allowed: one of adding, multiplication, noise\)\.$"
    ):
        explore_lab({**start, "inputs": "copying"})


@pytest.mark.parametrize("panel", [*PANELS])
def test_every_panel_shows_over_a_run(lstm, panel):
    at = open_page(run="lstm", step=5, panel=panel)
    assert not at.exception
    assert panel == "Diagnosis" or not at.error


def test_what_cannot_apply_says_so(lstm):
    at = open_page(run="mingru", step=1)
    said = " ".join(c.value for c in at.caption)
    assert "Largest singular value: " in said
    assert "Cell, sizes and initial weights can be chosen only for untrained networks." in said
    assert not [w for w in at.number_input if w.key in ("hidden_size", "num_layers")]
    at = open_page(run="elman", step=1)
    assert "The cell Elman has no gate that keeps its state." in " ".join(c.value for c in at.caption)
    assert [*at.selectbox(key="inputs").options] == ["Copying ten symbols", "Noise"]


def test_another_recorded_step_is_chosen_and_the_address_follows(lstm):
    at = open_page(run="lstm", step=5, forget_bias=3)
    assert any("trained: lstm at step 5" in m.value for m in at.markdown)
    at.number_input(key="step").set_value(3).run()
    assert any("trained: lstm at step 3" in m.value for m in at.markdown)
    assert at.query_params["step"] == "3"
    assert at.session_state["forget_bias"] == open_network({"run": "lstm", "step": 3}).start["forget_bias"]
    at.number_input(key="step").set_value(4).run()
    assert not at.exception
    assert "Recorded step was 4; run lstm has recorded step 1 and every 2 steps after it" in at.error[0].value
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


def test_values_over_a_network_are_its_own_where_the_sliders_stand(lstm):
    opened = open_network({"run": "lstm", "step": 1})
    values = network_values(Settings.of(opened.start), opened)
    assert values["forget_bias"] is None
    assert values["largest_singular_value"] is None
    assert opened.start["forget_bias"] == 2.0, "the run's own, and not given to every unit again"


def test_a_delay_that_a_run_was_trained_with_is_the_pages(tmp_path, monkeypatch):
    config = RunConfig(task="delayed_xor", seq_len=9, delay=4, cell="gru", hidden_size=3, steps=1, evaluate_every=None)
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    with Recorder.start(config, tmp_path / "delayed") as recorder:
        recorder.turn()
    opened = open_network({"run": "delayed", "step": 1})
    for change, delay in ({}, 4), ({"delay": 2}, 2), ({"inputs": "noise"}, None):
        (shown,) = record_view(Settings.of(opened.start | change)).probes.values()
        assert shown.experiment.config.delay == delay
