"""What a stranger may put among the runs: nothing outside is touched, nothing is waited for, no other run is hidden."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from commanding import call
from crafted import commit
from one_sentence import one_sentence
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.config.run_config import RunConfig
from experiments.runs.control import change_control
from experiments.runs.export import export
from experiments.runs.folder import find_run, list_runs
from experiments.runs.opening import open_run
from experiments.runs.store.chunks import encode
from experiments.runs.store.errors import DamagedRunError, ForeignRunError, RunError
from experiments.runs.tables import as_json
from experiments.runs.train import Recorder
from experiments.runs.verify import verify
from experiments.sweeps.probes import check as probe_check
from experiments.sweeps.probes import ensure_probe, probe_file, read_probe

ESCAPE = "\x1b]0;owned\x07"


@pytest.mark.parametrize("name", ["control.json.partial", "progress.json.partial", "scalars.jsonl.partial"])
def test_a_link_where_a_file_might_be_written_is_not_followed(halfway, tmp_path, name):
    mine = tmp_path / "mine"
    mine.write_text("precious")
    (halfway / name).symlink_to(mine)
    change_control(halfway, pause=True)
    with pytest.raises(ForeignRunError, match="is a symbolic link"):
        Recorder.resume(halfway)
    assert mine.read_text() == "precious"


def test_lines_that_have_another_name_elsewhere_are_not_appended_to(halfway, tmp_path):
    mine = tmp_path / "mine"
    (halfway / "scalars.jsonl").rename(mine)
    os.link(mine, halfway / "scalars.jsonl")
    before = mine.read_bytes()
    with pytest.raises(ForeignRunError, match=r"'scalars.jsonl' in .* is a hard link"):
        Recorder.resume(halfway)
    assert mine.read_bytes() == before


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["lease.json", "control.json", "progress.json", "config.json", "lease.lock"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_list_waits_for_no_pipe_and_reads_no_device(halfway, whole, name, kind):
    path = halfway / name
    path.unlink(missing_ok=True)
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    (halfway.parent / whole.name).symlink_to(whole.folder)
    (found,) = list_runs(halfway.parent)
    assert (found.problem is not None) == (name in ("progress.json", "config.json"))
    with pytest.raises((ForeignRunError, DamagedRunError)):
        Recorder.resume(halfway)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"latest": {"loss": "x"}}, "latest.loss"),
        ({"latest": {f"name {k}": 1.0 for k in range(1000)}}, "latest"),
        ({"step": "3"}, "step"),
        ({"step": True}, "step"),
        ({"updated": 1e300}, "updated"),
        ({"status": "asleep"}, "status"),
        ({"scalars": {"size": -1, "crc32": 0}}, "scalars.size"),
        ({"attempt": 1.5}, "attempt"),
        ({"more": 1}, "more"),
    ],
)
def test_progress_of_another_kind_is_refused_and_hides_no_other_run(halfway, stored, changes, field):
    commit(halfway, **changes)
    with pytest.raises(ForeignRunError, match=rf"not as this program writes it: {field} is wrong\.$") as error:
        open_run(halfway)
    one_sentence(error)
    rows = as_json(list_runs(halfway.parent), {}, "loss")
    assert [bool(row["problem"]) for row in rows] == [False, True]


@pytest.mark.parametrize(
    ("changes", "most"),
    [({"committed": 10**6}, 40), ({"step": 10**7}, 40), ({"scalars": {"size": 2**40, "crc32": 0}}, 12 * 2**10)],
)
def test_more_than_the_configuration_gives_is_not_looked_for(halfway, changes, most):
    commit(halfway, **changes)
    with pytest.raises(ForeignRunError, match=f"such a run has at most {most}"):
        verify(halfway)


def test_settings_nested_deep_are_a_sentence_and_hide_no_other_run(halfway, stored):
    given = json.loads((halfway / "config.json").read_text())
    given["config"]["seq_len"] = "deep"
    (halfway / "config.json").write_text(json.dumps(given).replace('"deep"', "[" * 900 + "]" * 900))
    rows = as_json(list_runs(halfway.parent), {}, "loss")
    assert [bool(row["problem"]) for row in rows] == [False, True]
    with pytest.raises(ForeignRunError, match=r"seq_len was \[\[\[.*it must be a whole number") as error:
        open_run(halfway)
    one_sentence(error)


@pytest.mark.parametrize("length", ["x", None, "nan", [], {}, 5.5])
def test_a_length_that_is_no_whole_number_is_damage(halfway, tmp_path, length):
    line = json.dumps({"step": 1, "loss": 1.0, "length": length}).encode() + b"\n"
    (halfway / "scalars.jsonl").write_bytes(line)
    commit(halfway, scalars={"size": len(line), "crc32": zlib.crc32(line)})
    with pytest.raises(DamagedRunError, match="begins at byte 0 was not written by this program"):
        open_run(halfway).scalars()
    with pytest.raises(DamagedRunError, match="is damaged"):
        export(open_run(halfway), "csv", tmp_path / "out.csv")


def test_a_whole_number_that_netcdf_cannot_hold_is_a_sentence(halfway, tmp_path):
    chunk = halfway / "tensors.zarr" / "time" / "c" / "0"
    chunk.write_bytes(encode(np.full((chunk.stat().st_size - 4) // 8, 2**40)))
    with pytest.raises(RunError, match="time holds a whole number beyond") as error:
        export(open_run(halfway), "netcdf", tmp_path / "out.nc")
    one_sentence(error)
    assert list(tmp_path.glob(".*")) == []


def test_no_network_is_made_for_arrays_that_do_not_fit_its_size(halfway, monkeypatch):
    given = json.loads((halfway / "config.json").read_text())
    given["config"]["hidden_size"] = 4096
    del given["form"]  # as an earlier version wrote them: one that is there is held to the configuration
    given["id"] = RunConfig.from_values(given["config"]).identity()
    (halfway / "config.json").write_text(json.dumps(given))
    monkeypatch.setattr("experiments.runs.recorder.Training", None)
    with pytest.raises(ForeignRunError, match="is not an array as this program writes them"):
        Recorder.resume(halfway)


def test_names_that_no_step_has_are_damage(halfway, tmp_path):
    line = json.dumps({"step": 1, **{f"n{k}": 1.0 for k in range(500)}}).encode() + b"\n"
    (halfway / "scalars.jsonl").write_bytes(line)
    commit(halfway, scalars={"size": len(line), "crc32": zlib.crc32(line)})
    with pytest.raises(DamagedRunError, match="begins at byte 0 was not written by this program"):
        open_run(halfway).scalars()
    with pytest.raises(DamagedRunError, match="is damaged"):
        export(open_run(halfway), "csv", tmp_path / "out.csv")
    assert export(open_run(halfway), "netcdf", tmp_path / "out.nc")


def test_a_flipped_bit_in_the_key_of_an_event_is_damage(halfway):
    content = (halfway / "events.jsonl").read_bytes().replace(b'"kind"', b'"kimd"')
    (halfway / "events.jsonl").write_bytes(content)
    with pytest.raises(DamagedRunError, match=r"'events.jsonl' in .* is damaged: the line that begins at byte 0"):
        open_run(halfway).events()


def test_an_array_without_its_metadata_is_named_and_stops_a_resume(halfway):
    (halfway / "tensors.zarr" / "gates" / "zarr.json").unlink()
    (problem,) = verify(halfway).problems
    assert "'tensors.zarr/gates/zarr.json' is missing" in problem
    with pytest.raises(DamagedRunError, match=r"'tensors\.zarr/gates/zarr\.json' is missing"):
        Recorder.resume(halfway)


def test_a_checkpoint_of_another_network_is_refused(halfway, tmp_path, tiny):
    with Recorder.start(tiny(record_every=1, hidden_size=5), tmp_path / "other") as recorder:
        for _ in range(12):
            recorder.turn()
    (mine,), (other,) = ((folder / "checkpoints").iterdir() for folder in (halfway, tmp_path / "other"))
    mine.write_bytes(other.read_bytes())
    commit(halfway, checkpoint_crc32=zlib.crc32(other.read_bytes()))
    with pytest.raises(ForeignRunError, match=r"does not belong to this run: its model\.\S+ is wrong\.$"):
        Recorder.resume(halfway)
    assert open_run(halfway).status == "interrupted"


def test_what_a_terminal_would_obey_is_shown(halfway, monkeypatch):
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(halfway.parent))
    commit(halfway, reason=f"{ESCAPE}\x9b31m")
    for words in (["show", "halfway"], ["show", "halfway", "--json"], ["list"], ["list", "--json"]):
        shown = call(*words)
        assert not {"\x1b", "\x07", "\x9b"} & set(shown), words
    assert r"\x1b]0;owned\x07\x9b31m" in call("show", "halfway")
    assert json.loads(call("list", "--json"))[0]["reason"] == f"{ESCAPE}\x9b31m"


def test_a_folder_that_is_a_link_is_no_run(halfway):
    (halfway.parent / "linked").symlink_to(halfway)
    with pytest.raises(ForeignRunError, match="symbolic link"):
        open_run(halfway.parent / "linked")
    with pytest.raises(ValueError, match="symbolic link"):
        find_run(halfway.parent, "linked")


# numbers and files without end


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "word",
    [f"{field}=0x{'f' * 5000}" for field in ("seed", "gain", "steps", "singular_values", "record_units", "cell")],
)
@pytest.mark.parametrize("command", ["probe", "run", "list"])
def test_a_number_of_thousands_of_digits_is_refused_in_a_sentence(word, command, in_own_folder):
    result = CliRunner().invoke(app, [command, word])
    assert isinstance(result.exception, ValueError)
    assert str(result.exception).startswith(f"{word.split('=')[0]} was ")
    assert len(str(result.exception)) < 1000


@pytest.mark.parametrize("words", [["probe", "cell={KEY = 1}"], ["probe", "f.toml"], ["sweep", "f.toml", "--dry-run"]])
def test_keys_within_keys_without_end_are_refused_in_a_sentence(words, in_own_folder):
    key = ".".join("a" * 5000)
    Path("f.toml").write_text(f"cell.{key} = 1\n" if words[0] == "probe" else f"[axes]\ncell.values.{key} = 1\n")
    result = CliRunner().invoke(app, [word.replace("KEY", key) for word in words])
    assert isinstance(result.exception, ValueError)
    assert "cell was {" in str(result.exception)
    assert len(str(result.exception)) < 1000


@pytest.mark.timeout(20)
@pytest.mark.parametrize("command", ["sweep", "probe", "text"])
def test_a_file_without_end_is_not_read(command, in_own_folder, tmp_path):
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.toml")
    for name in ("zero.toml", "pipe.toml", "/dev/zero"):
        words = {"sweep": ["sweep", name, "--dry-run"], "probe": ["probe", name],
                 "text": ["probe", "task=next_character", f"text_file={name}"]}[command]  # fmt: skip
        result = CliRunner().invoke(app, words)
        assert isinstance(result.exception, ValueError), name
        assert str(result.exception).count("\n") == 0


def test_a_file_of_gigabytes_is_no_settings(in_own_folder):
    with Path("huge.toml").open("wb") as file:
        file.truncate(2**36)
    result = CliRunner().invoke(app, ["probe", "huge.toml"])
    assert "cannot be read (larger than" in str(result.exception)


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("gain = { from = 1e-300, to = 1e308, count = 3, scale = 'log' }", "axes.gain.from was 1e-300"),
        ("gain = { from = 1, to = 1e308, count = 3 }", "axes.gain.to was 1e+308"),
        (f"seed = {{ from = 0, to = 0x{'f' * 400}, count = 3 }}", "axes.seed.to was 0xfff"),
        ("seed = { from = 0, to = 9223372036854775808, count = 3 }", "numbers may be at most 9223372036854775807"),
        (f"seed = [1, 0x{'f' * 5000}]", "seed was 0xfff"),
    ],
)  # fmt: skip
def test_a_range_beyond_all_numbers_is_refused(axis, said, in_own_folder):
    Path("s.toml").write_text(f"[axes]\n{axis}\n")
    result = CliRunner().invoke(app, ["sweep", "s.toml", "--dry-run"])
    assert isinstance(result.exception, ValueError)
    assert said in str(result.exception)
    assert len(str(result.exception)) < 500


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "na', b"[]", b'{"format": 1, "kind": "run", "runs": 3}'])
def test_a_plan_that_was_cut_off_is_a_sentence(content, in_own_folder):
    folder = Path("runs/sweeps/s")
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes(content)
    result = CliRunner().invoke(app, ["compare", "s", "--rows", "seed", "--columns", "gain", "--value", "loss"])
    assert "plan.json' is damaged, or of a newer program" in str(result.exception)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"\x00" * 100])
def test_an_index_that_is_none_is_made_again(content, in_own_folder):
    folder = Path("runs/sweeps/s")
    folder.mkdir(parents=True)
    os.mkfifo(folder / "index.parquet") if content is None else (folder / "index.parquet").write_bytes(content)
    Path("s.toml").write_text("[fixed]\nseq_len = 5\n[axes]\ngain = [1.0, 2.0]\n")
    assert "2 runs: 0 are finished" in call("sweep", "s.toml", "--dry-run")


@pytest.mark.parametrize("changes", [{"numbers": []}, {"t": "x"}, {"log_norm": [1.0]}, {"seconds": "x"}, {"config": 3}])
def test_a_probe_of_another_kind_is_made_again(changes, tmp_path):
    config = RunConfig(seq_len=3, hidden_size=2, batch_size=2)
    truth = ensure_probe(config, tmp_path)
    file = probe_file(tmp_path, config.identity())
    body = {name: value for name, value in json.loads(file.read_text()).items() if name != "check"} | changes
    file.write_text(json.dumps({"check": probe_check(body), **body}))
    with pytest.raises(DamagedRunError, match="is not what was written"):
        read_probe(file)
    assert np.array_equal(ensure_probe(config, tmp_path).log_norm, truth.log_norm)
