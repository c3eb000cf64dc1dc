"""A page gives its runs names and an owner; a name is no path, and there is one per run."""

import pytest
from commanding import call

from experiments.commands.run_commands import named_folders
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.folder import folders_of, free_name
from experiments.runs.opening import open_run
from experiments.runs.train import Recorder


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "sweeps", "probes", "-x", "a" * 101])
def test_a_name_that_no_run_can_have_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="--name"):
        named_folders([name], 1, tmp_path)


def test_each_run_is_named(tmp_path):
    assert named_folders(["a", "a-2"], 2, tmp_path) == [tmp_path / "a", tmp_path / "a-2"]
    with pytest.raises(ConfigError, match="once per run"):
        named_folders(["a"], 2, tmp_path)


def test_a_free_name_is_neither_on_the_disk_nor_spoken_for(tmp_path):
    config = RunConfig()
    name = config.identity()
    (tmp_path / name).mkdir()
    (tmp_path / f"{name}-3").mkdir()
    assert free_name(config, tmp_path, lambda n: False) == f"{name}-2"
    assert free_name(config, tmp_path, lambda n: n == f"{name}-2") == f"{name}-4"
    assert folders_of(config, tmp_path) == [tmp_path / name]


@pytest.mark.parametrize("owner", ["a" * 32, None])
def test_a_run_says_who_started_it(tmp_path, owner):
    config = RunConfig(cell="gru", seq_len=4, hidden_size=2, batch_size=2, steps=1)
    with Recorder.start(config, tmp_path / "r", owner=owner) as recorder:
        recorder.turn()
    assert open_run(tmp_path / "r").owner == owner


@pytest.mark.parametrize("owner", ["x" * 300, "a/b", "\udcff", ""])
def test_an_owner_that_no_page_makes_is_refused_before_a_run_is_made(tmp_path, owner):
    with pytest.raises(ConfigError, match="--owner was"):
        call("run", "steps=1", "--owner", owner, "--runs", str(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()
