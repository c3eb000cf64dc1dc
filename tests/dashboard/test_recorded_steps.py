"""Any recorded step on Runs: the panels of Explore, equal to `probe RUN --step N`; an old folder says what it lacks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.explore.panels import PANELS
from dashboard.runs.step_panels import RecordedStep, trained_network
from dashboard.train import jobs
from experiments.config.run_config import RunConfig
from experiments.probing.recorded import recorded_probe
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests/experiments/fixtures/before_weights/ee5acd58fa17"


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    config = RunConfig(cell="gru", seq_len=12, hidden_size=4, batch_size=3, steps=5, record_every=2, clip_threshold=0.1)
    folder = tmp_path_factory.mktemp("runs") / config.identity()
    train([Recorder.start(config, folder)])
    return open_run(folder)


def open_page(monkeypatch: pytest.MonkeyPatch, folder: Path, panel: str | None = None) -> AppTest:
    monkeypatch.setattr(jobs, "RUNS", folder.parent)
    at = AppTest.from_file(str(ROOT / "dashboard" / "runs" / "page.py"), default_timeout=60)
    at.query_params["run"] = folder.name
    if panel is not None:
        at.query_params["look"] = panel
    at.run()
    assert not at.exception
    assert not at.error
    return at


@pytest.mark.parametrize("name", [name for name in PANELS if name not in ("Diagnosis", "Cell state")])
def test_every_panel_draws_the_recorded_step_as_its_probe_has_it(trained_run, name):
    panel = PANELS[name](RecordedStep({"gru": trained_network(trained_run, 3)}))
    truth = PANELS[name](RecordedStep({"gru": recorded_probe(trained_run, 3)}))
    assert panel.rows
    for row, wanted in zip(panel.rows, truth.rows, strict=True):
        for key, draw in row.items():
            assert json.dumps(draw().json_columns()) == json.dumps(wanted[key]().json_columns())


def test_the_network_is_the_one_of_the_recorded_step(trained_run):
    network = trained_network(trained_run, 3)
    weights = trained_run.tensor("weights")[1]
    assert np.array_equal(network.layer.cell.weight_hh.flatten(), weights[12 * 2 :][: 12 * 4]), (
        "of step 3, not of step 1"
    )
    assert network.spectra["n"].spectral_norm == pytest.approx(trained_run.tensor("spectral_norm")[1, 0, 2], rel=1e-6)


@pytest.mark.parametrize("panel", ["Paths", "Diagnosis"])
def test_runs_shows_a_panel_of_a_recorded_step(monkeypatch, trained_run, panel):
    at = open_page(monkeypatch, trained_run.folder, panel)
    assert not [box.value for box in at.info if "keeps" in box.value]
    if panel == "Diagnosis":
        assert at.success or at.warning or at.info
        kept, sequences = trained_network(trained_run, 3).layer.batch_size, trained_run.tensor("log_norm").shape[-1]
        said = f"This is about the {kept} kept of {sequences} sequences"
        assert any(said in caption.value for caption in at.caption) == (kept < sequences)


def test_runs_shows_a_folder_of_an_earlier_version_and_says_what_it_lacks(monkeypatch, tmp_path):
    at = open_page(monkeypatch, Path(shutil.copytree(FIXTURE, tmp_path / "runs" / FIXTURE.name)))
    (said,) = [box.value for box in at.info]
    assert said.startswith("This run keeps no weights, since an earlier version recorded it; train it again")
