"""The search on Runs finds what its own table shows, and keeps the choice."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.runs.kept import nearest
from dashboard.train import jobs
from experiments.config.run_config import RunConfig
from experiments.runs.train import Recorder, train

PAGE = Path(__file__).resolve().parents[2] / "dashboard/runs/page.py"


@pytest.fixture
def runs(tmp_path, monkeypatch) -> list[str]:
    """Two short runs of two tasks."""
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    names = []
    for task, threshold in (("adding", 1.0), ("temporal_order", None)):
        given = {"task": task, "cell": "elman", "seq_len": 10, "steps": 20, "record_every": 10}
        config = RunConfig.from_values({**given, "clip_threshold": threshold})
        folder = tmp_path / config.identity()
        train([Recorder.start(config, folder)])
        names.append(folder.name)
    return names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("adding two numbers", [0]),
        ("temporal order", [1]),
        ("at chance", [0, 1]),
        ("uniform", [0, 1]),
        ("hidden_size=64", [0, 1]),
        ("hidden_size=65", []),
        ("hidden_size=6", []),
        ("steps=2", []),
        ("clip_threshold=1", [0]),
        ("clip_threshold=1.0", [0]),
        ("clip_threshold=none", [1]),
        ("clipped", [0]),
        ("unclipped", [1]),
        ("none", []),
    ],
)
def test_a_search_finds_the_words_of_the_table(runs, text, found):
    at = AppTest.from_file(str(PAGE), default_timeout=60).run()
    at.text_input(key="runs-search").set_value(text).run()
    assert not at.exception
    tables = [table.value for table in at.dataframe if "run" in table.value]
    assert sorted(name for table in tables for name in table["run"]) == sorted(runs[k] for k in found)
    assert bool(at.info) == (not found)


@pytest.mark.parametrize(("asked", "found"), [(0, 3), (10, 0), (11, 0), (19, 1), (20, 1), (1000, 3), (1, 0)])
def test_the_recorded_step_that_is_nearest(asked, found):
    assert nearest([10, 20, 30, 40], asked) == found


def test_another_choice_of_runs_keeps_the_step(runs):
    at = AppTest.from_file(str(PAGE), default_timeout=60)
    at.query_params["run"], at.query_params["step"] = ",".join(runs), "1"
    at.run()
    assert at.session_state["runs-step"] == 1
    at.session_state["runs-run"] = runs[0]
    at.run()
    assert not at.exception
    assert at.session_state["runs-step"] == 1
