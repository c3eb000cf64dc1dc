"""`list`: what it shows, at what width, and what it is filtered by."""

import json
import shutil
from dataclasses import replace

import pytest
from commanding import call, trained

from experiments.config.run_config import ConfigError
from experiments.runs.folder import named_in
from experiments.runs.store.progress import read_progress, write_progress
from experiments.runs.tables import STATUSES

ANY_CELL = "elman, lstm, gru, indrnn, lstm_1997, peephole_lstm, mut1, mut2, mut3 or mingru"

pytestmark = pytest.mark.usefixtures("in_own_folder")


def test_list_filters_sorts_and_names_what_cannot_be_read(runs, stored):
    trained("seed=1")
    trained("seed=2")
    (runs / "broken").mkdir()
    (runs / "broken" / "config.json").write_text("{")
    (runs / "broken" / "progress.json").write_text("{")
    (runs / "not-a-run").mkdir()
    (runs / ".hidden").mkdir()
    (runs / "link").symlink_to(stored)
    everything = json.loads(call("list", "--json"))
    assert len(everything) == 4
    assert [r["config"]["seed"] for r in json.loads(call("list", "cell=gru", "--sort", "seed", "--json"))] == [1, 2]
    assert [r["name"] for r in json.loads(call("list", "cell=lstm", "status=finished", "--json"))] == [stored.name]
    assert "'config.json'" in next(r["problem"] for r in everything if r["name"] == "broken")
    table = call("list")
    assert "broken" in table
    assert "30/30" in table


@pytest.mark.parametrize("columns", ["80", "50", None])
def test_the_list_has_whole_ids_and_statuses_at_any_width(runs, stored, monkeypatch, columns):
    monkeypatch.delenv("COLUMNS", raising=False) if columns is None else monkeypatch.setenv("COLUMNS", columns)
    shutil.copytree(stored, runs / f"{stored.name}-12")
    progress = read_progress(runs / f"{stored.name}-12")
    write_progress(runs / f"{stored.name}-12", replace(progress, status="running"))
    (runs / "broken").mkdir()
    for name in ("config.json", "progress.json"):
        (runs / "broken" / name).write_text("{")
    first, *lines, last = call("list").splitlines()
    assert first == f"3 runs in {runs}"
    words = [line.split() for line in lines]
    assert {(line[0], status) for line in words for status in STATUSES if status in line} == {
        (stored.name, "finished"), (f"{stored.name}-12", "interrupted"), ("broken", "unreadable"),
    }  # fmt: skip
    damaged = f"'config.json' in '{runs / 'broken'}' is not the JSON that was written; restore it from a copy."
    assert last == f"run broken cannot be read: {damaged}"
    assert columns is None or max(map(len, lines)) <= int(columns)
    assert ("chance" in words[1]) == (columns != "50")


def test_a_finished_run_is_found_by_the_status_that_the_list_shows(runs, stored):
    progress = read_progress(stored)
    for reason, status in (("steps", "finished"), ("success", "solved"), ("nonfinite", "diverged")):
        write_progress(stored, replace(progress, reason=reason))
        assert status in call("list", f"status={status}")
        assert stored.name in call("list", "status=finished")
        assert call("list", "status=unreadable") == f"0 runs in {runs}\n"
    for loss in (0.5, "inf", "nan"):
        write_progress(stored, replace(progress, latest={"loss": loss}))
        assert stored.name in call("list", f"loss={loss}")
        assert stored.name not in call("list", "loss=0.25")


@pytest.mark.parametrize("key", ["loss", "name", "step", "created"])
def test_a_filter_of_thousands_of_digits_finds_no_run(runs, stored, key):
    assert call("list", f"{key}=0x{'f' * 4000}") == f"0 runs in {runs}\n"


@pytest.mark.parametrize("name", ["12345e678901", "1_000", "1.50", "0x1f", "true", "none"])
def test_a_run_whose_name_reads_as_a_number_is_found_by_it(runs, stored, name):
    stored.rename(runs / name)
    assert name in call("list", f"name={name}")
    assert name in call("list", f'name="{name}"')
    assert call("list", f"name={name}0") == f"0 runs in {runs}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status=bogus"], "status was 'bogus'; it must be one of running, paused, finished, interrupted, failed, "),
        (
            ["cell=tcn"],
            f"cell was 'tcn'; it must be {ANY_CELL}.",
        ),
        (["step=many"], "step was 'many'; it must be a number."),
        (["--runs", "no/such"], "the folder of runs was 'no/such'; it must be an existing folder."),
    ],
)
def test_a_filter_that_no_run_can_pass_is_refused(runs, words, said):
    with pytest.raises(ConfigError, match=f"^{said}"):
        call("list", *words)


def test_a_folder_that_is_not_there_is_not_cleaned(runs):
    with pytest.raises(ConfigError, match=r"^the folder of runs was 'no/such'; it must be an existing folder"):
        call("clean", "--runs", "no/such")


def test_an_address_names_each_run_once_and_leaves_out_what_can_be_none():
    assert named_in("b,a,b,../../etc,,a") == ["b", "a"]
