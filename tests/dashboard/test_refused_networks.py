"""Runs that Explore cannot open, or no longer: one sentence, no path of the server's, and the last picture stays."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from test_explore import APP, words

from dashboard.explore.networks import open_network
from dashboard.explore.view import record_view
from dashboard.server.live_question import answer_question
from dashboard.train import jobs
from experiments.errors import ConfigError
from experiments.probing.given_network import trained_network


def open_page(**link: object) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, value in link.items():
        at.query_params[name] = str(value)
    return at.run()


FORGED = {
    ("run", "../../etc"): "Run was '../../etc'",
    ("run", "/etc/passwd"): "Run was '/etc/passwd'",
    ("run", "x" * 5000): "Run was",
    ("step", "-1"): "Recorded step was '-1'",
    ("step", "1e99"): "Recorded step was '1e99'",
    ("upload", "../secret"): "Uploaded file was '../secret'",
}


@pytest.mark.parametrize(("given", "said"), FORGED.items(), ids=range(len(FORGED)))
def test_a_forged_address_is_one_sentence_and_opens_nothing(lstm, given, said):
    at = open_page(**{"run": "lstm", "step": 3, given[0]: given[1]})
    assert not at.exception
    assert said in at.warning[0].value.replace("\\", "")
    assert at.session_state["explore-settings"].is_drawn
    assert "Elman" in words(at), "the page begins as it always does"


ABSENT = {
    ("nobody", 1): "No run in 'runs0' begins with 'nobody'.",
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
    at.session_state["page-shown"] = "runs"  # whose link it was
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
    assert next(line for line in before.split("<br>") if "dL/dh<sub>t</sub>" in line) in words(at)


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
    given["form"]["stacks"]["recurrent"]["options"] = {"nonlinearity": "evil"}
    (theirs / "config.json").write_text(json.dumps({**given, "kind": "module", "config": {}, "id": "theirs"}))
    at = open_page(run="theirs", step=3)
    assert not at.exception
    assert len(at.error) == 1


def test_a_run_with_more_weights_than_the_page_reads_is_refused_before_they_are_read(folder, tmp_path, monkeypatch):
    shutil.copytree(folder / "lstm", tmp_path / "large")
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    monkeypatch.setattr("dashboard.explore.networks.MOST_WEIGHTS", 10)
    with pytest.raises(ConfigError, match=r"^run large has 133 weights; the page opens networks of up to 10,"):
        open_network({"run": "large", "step": 1})


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
