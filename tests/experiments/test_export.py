"""`export` in every format: what is in it, and what it never replaces."""

import csv
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from commanding import call, trained
from safetensors.torch import load_file

from experiments.config.run_config import ConfigError
from experiments.runs.export import FORMS, record_set
from experiments.runs.export_formats import ENDINGS
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.runs.train import Recorder

pytestmark = pytest.mark.usefixtures("in_own_folder")


def test_every_format_has_an_ending():
    assert list(FORMS) == list(ENDINGS)


def test_csv_and_parquet_hold_every_step(stored):
    truth = open_run(stored).scalars()
    call("export", stored.name, "-o", "a.csv")
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == truth["loss"].tolist()
    assert rows[0]["evaluation_loss"] == ""
    call("export", stored.name, "--format", "parquet")
    from pyarrow import parquet

    table = parquet.read_table(f"{stored.name}.parquet")
    assert table["log_norm_before"].to_pylist() == truth["log_norm_before"].tolist()
    assert json.loads(json.loads(table.schema.metadata[b"config"]))["hidden_size"] == 6


def test_a_dash_is_standard_output(stored, tmp_path):
    call("export", stored.name, "-o", "a.csv")
    assert call("export", stored.name, "-o", "-") == Path("a.csv").read_text()
    assert not (tmp_path / "-").exists()


def test_netcdf_holds_every_array(stored):
    run = open_run(stored)
    call("export", stored.name, "--format", "netcdf")
    with xr.open_dataset(f"{stored.name}.nc", engine="scipy") as ds:
        for name in run.tensors:
            assert np.array_equal(ds[name].values, run.tensor(name)[:], equal_nan=True), name
        assert ds.gate.values.tolist() == ["i", "f", "g", "o"]
        assert ds.scalar_loss.values.tolist() == run.scalars()["loss"].tolist()
        assert json.loads(ds.attrs["config"])["hidden_size"] == 6
    assert record_set(run).gates.sel(gate="f").shape == (14, 1, 8, 2, 4)


def test_netcdf_holds_the_whole_layers_of_every_step(halfway):
    run = open_run(halfway)
    call("export", "halfway", "--format", "netcdf")
    with xr.open_dataset("halfway.nc", engine="scipy") as ds:
        for name in ("weights", "inputs", "start_states", "gradients", "gradient_exponents", "targets"):
            assert np.array_equal(ds[name].values, run.tensor(name)[:]), name
        assert ds.gradient.values.tolist() == ["direct_hidden", "direct_cell_state", "total_hidden", "total_cell_state"]
        assert ds.state.values.tolist() == ["hidden", "cell_state"]


def test_html_stands_alone_with_its_charts(stored):
    call("export", stored.name, "--format", "html")
    page = Path(f"{stored.name}.html").read_text()
    assert page.count("Plotly.newPlot(") == 6, "loss, right answers, profile, gradient norm, updates, spectral norm"
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="http', page)
    assert page.count("<script") < 20
    assert 3e6 < len(page) < 12e6, "plotly.js is in it once"
    assert '"showSendToCloud": false' in page or '"showSendToCloud":false' in page
    assert "took all its steps" in page


def test_html_escapes_what_a_stranger_wrote(runs):
    (runs.parent / "<b>.txt").write_text("abab")
    trained("task=next_character", "text_file=<b>.txt")
    (name,) = (p.name for p in runs.iterdir())
    call("export", name, "--format", "html")
    page = Path(f"{name}.html").read_text()
    assert "&lt;b&gt;.txt" in page
    assert "<b>.txt" not in page


def test_an_export_replaces_nothing_unasked_and_leaves_nothing_half_written(stored, tmp_path):
    Path("a.csv").write_text("mine")
    with pytest.raises(RunError, match=r"^'a\.csv' already exists\. Add --force to replace it\.$"):
        call("export", stored.name, "-o", "a.csv")
    call("export", stored.name, "-o", "a.csv", "--force")
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("link").symlink_to("a.csv")
    for name in ("pipe", "folder", "link"):
        with pytest.raises(RunError, match=rf"^'{name}' is not a regular file; give another name\.$"):
            call("export", stored.name, "-o", name, "--force")
    assert Path("pipe").is_fifo()
    with pytest.raises(RunError, match=r"--format was 'xls'; it must be one of csv, parquet, netcdf, html\.$"):
        call("export", stored.name, "--format", "xls")
    with pytest.raises(RunError, match=r"^the folder 'no/such' does not exist; create it first\.$"):
        call("export", stored.name, "-o", "no/such/a.csv")
    assert not [p.name for p in tmp_path.iterdir() if p.name.endswith(".partial")]


def test_weights_are_written_in_torchs_names_as_the_step_found_them(in_own_folder, tmp_path, tiny):
    folder = tmp_path / "runs" / "made"
    with Recorder.start(tiny(steps=3, record_every=2), folder) as recorder:
        first = {name: p.detach().clone() for name, p in recorder.training.model.named_parameters()}
        for _ in range(3):
            recorder.turn()
    call("export", "made", "--weights", "first.safetensors", "--step", "1")
    call("export", "made", "--weights")
    written, last = load_file("first.safetensors"), load_file("made.safetensors")
    assert list(written) == sorted(first)
    assert all(torch.equal(written[name], weight) for name, weight in first.items())
    assert not torch.equal(last["recurrent.weight_hh_l0"], first["recurrent.weight_hh_l0"])
    lstm = torch.nn.LSTM(2, 6)
    lstm.load_state_dict({n.removeprefix("recurrent."): w for n, w in last.items() if n.startswith("recurrent.")})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--weights", "--step", "2"], "^step was 2; run .* has recorded step 1 and every 3 steps after it"),
        (["--step", "1"], r"^--step was '1'; it needs --weights\.$"),
        (["a.csv"], r"^FILE was 'a.csv'; it needs --weights\.$"),
        (["--weights", "--format", "csv"], r"^--format was 'csv'; with --weights leave it out"),
        (["--weights", "a", "-o", "b"], r"^the file was given twice, as 'a' and 'b'; name it once\.$"),
    ],
)
def test_weights_that_cannot_be_exported_are_a_sentence(stored, words, said):
    with pytest.raises(ConfigError, match=said):
        call("export", stored.name, *words)
