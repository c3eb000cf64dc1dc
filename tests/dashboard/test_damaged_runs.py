"""A run that is damaged is one sentence on the pages that show it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.train import jobs
from experiments.config.run_config import RunConfig
from experiments.runs.train import Recorder, train

PAGES = Path(__file__).resolve().parents[2] / "dashboard"


@pytest.mark.parametrize(("view", "parameter"), [("train", "runs"), ("runs", "run")])
@pytest.mark.parametrize(
    ("file", "sentence"),
    [("scalars.jsonl", "it was cut off"), ("tensors.zarr/log_norm_quantile/c/0/*/*/*", "damaged")],
)
def test_a_damaged_run_is_one_sentence_without_a_path(runs, monkeypatch, view, parameter, file, sentence):
    monkeypatch.setattr(jobs, "RUNS", runs)
    config = RunConfig(cell="gru", seq_len=6, hidden_size=3, batch_size=2, steps=4, record_every=1)
    folder = runs / config.identity()
    train([Recorder.start(config, folder)])
    (damaged,) = folder.glob(file)
    damaged.write_bytes(damaged.read_bytes()[:20])

    at = AppTest.from_file(str(PAGES / view / "page.py"), default_timeout=60)
    at.query_params[parameter] = folder.name
    at.run()
    assert not at.exception
    assert sentence in at.error[0].value.replace(str(runs), "")
    assert str(runs.parent) not in at.error[0].value
    assert "\n" not in at.error[0].value
