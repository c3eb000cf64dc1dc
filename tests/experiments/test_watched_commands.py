"""The commands on the run of a watched training: they show it beside ours, and say what only ours have."""

import json

import numpy as np
import pytest
import torch
from commanding import call
from safetensors.torch import load_file
from torch import nn
from watching import Translator, train_watched

from analysis.profile import profile
from experiments.config.run_config import ConfigError
from experiments.runs.export import export
from experiments.runs.opening import open_run
from models import watch


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A run of a translator in a folder of runs, and what was seen of it."""
    torch.manual_seed(0)
    network = Translator()
    x, y = torch.randn(6, 3, 3), torch.randn(4, 3, 2)
    folder = tmp_path_factory.mktemp("runs") / "mine"
    return train_watched(network, [lambda: network(x, y).square().mean()] * 3, folder, title="a [b]translator[/b]")


@pytest.fixture(autouse=True)
def _there(mine, monkeypatch):
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(mine[0].folder.parent))


def test_it_is_listed_and_shown_with_its_title():
    (row,) = json.loads(call("list", "--json"))
    assert (row["name"], row["status"], row["step"], row["steps"], row["config"]) == ("mine", "finished", 3, None, None)
    text = call("list")
    assert "translator" in text
    assert "nan" not in text
    shown = call("show", "mine")
    assert "title: a [b]translator[/b]" in shown
    assert "step: 3\n" in shown
    assert "whole" in call("verify", "mine")


def test_probe_has_a_column_per_module_or_the_one_that_is_named(mine):
    text = call("probe", "mine", "--step", "2")
    assert "encoder" in text
    assert "decoder" in text
    results = json.loads(call("probe", "mine", "--step", "2", "--json"))
    assert [r["module"] for r in results] == ["encoder", "decoder"]
    (decoder,) = json.loads(call("probe", "mine", "--step", "2", "--layer", "decoder", "--json"))
    seen = profile(mine[1][1]["decoder"].top)
    assert decoder["decay_rate"] == pytest.approx(seen.decay.rate, rel=1e-4)
    assert decoder["loss"] == pytest.approx(mine[0].scalars()["loss"][1])
    assert (decoder["chance"], decoder["clip_rule"]) == (None, None)
    with pytest.raises(ConfigError, match="has no module 'other'"):
        call("probe", "mine", "--layer", "other")
    with pytest.raises(ConfigError, match=r"--layer was given without --weights or a RUN"):
        call("probe", "cell=gru", "--layer", "other")


def test_it_is_exported_in_every_form(mine, tmp_path):
    call("export", "mine", "-o", str(tmp_path / "mine.csv"))
    assert (tmp_path / "mine.csv").read_text().startswith("step,loss\n1,")
    call("export", "mine", "--format", "netcdf", "-o", str(tmp_path / "mine.nc"))
    call("export", "mine", "--format", "html", "-o", str(tmp_path / "mine.html"))
    page = (tmp_path / "mine.html").read_text()
    assert "a [b]translator[/b]" in page
    assert "memoryless guess" not in page
    call("export", "mine", "--weights", "--step", "2", "-o", str(tmp_path / "mine.safetensors"))
    stored = load_file(tmp_path / "mine.safetensors")
    for module, trace in mine[1][1].items():
        for k, layer in enumerate(trace.layers):
            suffix = f"l{k // trace.num_directions}" + "_reverse" * (k % trace.num_directions)
            assert torch.equal(stored[f"{module}.weight_hh_{suffix}"], layer.cell.weight_hh)


def test_it_opens_in_plain_xarray(mine):
    import xarray

    run = xarray.open_zarr(mine[0].folder / "tensors.zarr", consolidated=False, chunks=None)
    norms = mine[1][1]["decoder"].log_norm[0].numpy()
    assert np.allclose(run.log_norm_2.isel(step=1, layer_2=0), norms)
    assert list(run.hidden.dims) == ["step", "layer", "time", "sample", "unit"]


def test_names_that_netcdf_does_not_take_are_exported_by_others(tmp_path):
    import xarray

    network = nn.GRU(2, 3)
    with watch(network, run=tmp_path / "named") as seen:
        network(torch.ones(5, 2, 2))[0].sum().backward()
        seen.log(**{"train/loss": 1.0, "train loss": 2.0})
    export(open_run(tmp_path / "named"), "netcdf", tmp_path / "named.nc")
    with xarray.open_dataset(tmp_path / "named.nc", engine="scipy") as made:
        assert (float(made["scalar_train_loss"][0]), float(made["scalar_train_loss_"][0])) == (1.0, 2.0)


def test_a_cell_in_a_loop_has_its_weights_by_the_names_of_a_layer(tmp_path):
    cell = nn.GRUCell(2, 3)
    run, _ = train_watched(cell, [lambda: cell(torch.ones(2, 2)).sum()], tmp_path / "cell")
    assert list(run.form.weights) == [".weight_ih_l0", ".weight_hh_l0", ".bias_ih_l0", ".bias_hh_l0"]
    assert np.isfinite(run.tensor("parameter_log_norm_before")[0][:1]).all()
