"""The Sweeps page's logic, without a browser: what it draws, opens and refuses."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from analysis.figures.sweep import sweep_picture
from analysis.figures.sweep_panel import Heatmap, Side, crossing, words
from dashboard.sweeps import standing
from dashboard.sweeps.new_sweep import describe_cost
from dashboard.sweeps.pictures import draw_comparison, panel_words
from dashboard.sweeps.processes import plan_for_page
from dashboard.sweeps.standing import count_ended
from dashboard.train import jobs
from experiments.benchmarks.sweep import finished_probes
from experiments.errors import ConfigError
from experiments.runs.store.lease import me
from experiments.sweeps import index
from experiments.sweeps.account import STOPPED
from experiments.sweeps.compare import Comparison, compare
from experiments.sweeps.folder import Failure, Session, SweepFolder, write_failure, write_plan, write_session
from experiments.sweeps.index import Results, load_results
from experiments.sweeps.plan import plan_of
from experiments.sweeps.probes import ensure_probe
from experiments.sweeps.written import sweep_text

PAGE = str(Path(__file__).resolve().parents[2] / "dashboard" / "sweeps" / "page.py")

SWEEP = """
description = "A small sweep"
seeds = 2
[fixed]
hidden_size = 8
batch_size = 4
initialisation = "orthogonal"
dtype = "float64"
[axes]
cell = ["elman", "gru"]
largest_singular_value = [0.5, 0.9, 1.1, 2.0]
seq_len = [12, 20]
nonlinearity = { values = ["identity", "tanh"], when = { cell = "elman" } }
[show]
value = "decay_rate"
rows = "seq_len"
columns = "largest_singular_value"
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A sweep that is finished but for two runs: one failed, one was never begun."""
    runs = tmp_path_factory.mktemp("sweeps") / "runs"
    plan = plan_of(SWEEP, "small")
    folder = SweepFolder(runs, "small")
    write_plan(folder, plan)
    *others, _, failed = plan.runs
    for run in others:
        ensure_probe(plan.config(run), runs)
    write_failure(folder, Failure(failed.name, "its worker died each of the 3 times.", "", 3, 0.0))
    return runs


@pytest.fixture
def opened(runs, monkeypatch) -> AppTest:
    monkeypatch.setattr(jobs, "RUNS", runs)
    return AppTest.from_file(PAGE, default_timeout=60)


def drawn(at: AppTest) -> dict:
    charts = [json.loads(c.proto.bytes) for c in at.get("bidi_component") if "live_chart" in c.proto.component_name]
    return charts[0]["figure"]


def said(at: AppTest) -> str:
    return " ".join(m.value for m in (*at.markdown, *at.caption, *at.info))


def test_the_page_opens_a_sweep_as_its_file_says(opened):
    at = opened.run()
    assert not at.exception
    assert [e.value for e in at.error] == []
    assert "A small sweep · 48 runs: 46 finished, 1 failed, 1 not started." in said(at)
    shown = [box.value for box in at.selectbox][1:6]
    assert shown == ["small", "maps", "decay_rate", "largest_singular_value", "seq_len"]
    assert [a["text"] for a in drawn(at)["layout"]["annotations"]][:3] == ["Elman, identity", "Elman, tanh", "GRU"]


def test_a_linear_net_crosses_zero_at_a_spectral_norm_of_one(runs):
    results = load_results(SweepFolder(runs, "small"))
    table = compare(results, "seq_len", "largest_singular_value", "decay_rate")
    made = draw_comparison(results.plan, table)
    assert "crosses 0 at largest singular value 1 (Elman, identity), " in made.figure.layout.title.text
    assert {"mean", "spread", "runs", "planned", "diverged", "failed"} < set(made.columns)
    linear = table.grid(("elman", "identity"), "mean")
    assert np.allclose(linear, np.log([[0.5, 0.9, 1.1, 2.0]] * 2), atol=1e-9)


@pytest.mark.parametrize("what", ["mean", "spread", "runs"])
@pytest.mark.parametrize("value", ["decay_rate", "horizon_lag", "diverged", "loss_over_chance", "seconds"])
def test_every_quantity_can_be_drawn(opened, value, what):
    at = opened.run()
    at.selectbox(key="small-value").select(value)
    at.selectbox(key="small-what").select(what).run()
    assert not at.exception
    assert [e.value for e in at.error] == []


def test_a_panel_can_be_held_and_a_cell_opened_without_a_click(opened):
    at = opened.run()
    at.selectbox(key="small-cell").select("gru").run()
    assert len([t for t in drawn(at)["data"] if t["type"] == "heatmap"]) == 1
    at.selectbox(key="small-cell-seq_len").select(20).run()
    assert not at.exception
    assert len(at.dataframe[-1].value) == 2
    assert set(at.dataframe[-1].value["sequence length"]) == {20}


def test_what_failed_is_marked_and_explained(opened):
    at = opened.run()
    marks = {t["name"]: t for t in drawn(at)["data"] if t["type"] == "scatter" and t.get("name")}
    assert "failed" in marks
    assert "its worker died each of the 3 times." in str(at.dataframe[0].value["error"].tolist())


def test_never_is_a_value_that_can_be_held_and_chosen(tmp_path, monkeypatch):
    """A selectbox takes None for no choice."""
    source = SWEEP.replace('nonlinearity = { values = ["identity", "tanh"], when = { cell = "elman" } }',
                           'truncate = ["none", 3]')  # fmt: skip
    plan = plan_of(source.replace("seeds = 2", "seeds = 1"), "cut")
    write_plan(SweepFolder(tmp_path, "cut"), plan)
    for run in plan.runs:
        ensure_probe(plan.config(run), tmp_path)
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    at = AppTest.from_file(PAGE, default_timeout=60).run()
    held = at.selectbox(key="cut-truncate")
    assert held.value == "all, side by side"
    for never in (held.options.index(words(None)), 0):
        at.selectbox(key="cut-truncate").select_index(never).run()
        assert not at.exception
        assert not at.error
        assert at.selectbox(key="cut-truncate").index == never
    at.selectbox(key="cut-rows").select("truncate").run()
    row = at.selectbox(key="cut-cell-truncate")
    at.selectbox(key="cut-cell-truncate").select_index(row.options.index(words(None))).run()
    assert not at.exception
    assert at.selectbox(key="cut-cell-truncate").index == row.options.index(words(None))


def test_no_sweep_is_an_invitation(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    at = AppTest.from_file(PAGE).run()
    assert not at.exception
    assert "There are no sweeps yet" in said(at)
    at = AppTest.from_file(PAGE)
    at.query_params["sweep"] = "zzz"
    assert [error.value for error in at.run().error] == [
        "There is no sweep 'zzz', nor another one yet. Start one above."
    ]


def test_a_link_to_no_sweep_is_one_sentence(opened):
    opened.query_params["sweep"] = "../../etc"
    at = opened.run()
    assert not at.exception
    assert "There is no sweep '../../etc'. Choose one of small." in at.error[0].value


def test_diverged_cells_break_no_chart():
    """Inf and NaN are drawn as marks; a map without any number is drawn, too."""
    nothing = np.full((2, 3), np.nan)
    two = np.full((2, 3), 2.0)
    panel = Heatmap("all", nothing, nothing, 0 * two, two, two, 0 * two)
    made = sweep_picture([panel], Side("T", (5, 6)), Side("rate", (0.1, 1.0, None)), "loss", "the loss", log=True)
    assert [t.name for t in made.figure.data if t.type == "scatter"] == ["diverged"]
    assert "12 diverged" in made.alt
    assert crossing(panel, Side("rate", (0.1, 1.0, None))) is None


def test_two_thousand_finished_runs_are_opened_from_the_index_alone(tmp_path, monkeypatch):
    """`benchmark sweep` says how long it takes."""
    finished_probes(tmp_path, 2000)
    load_results(SweepFolder(tmp_path, "large"))
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    monkeypatch.setattr(index, "read_entry", lambda *_: pytest.fail("a run's own file was read"))
    at = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not at.exception
    assert "2,070 finished" in " ".join(text.value for text in (*at.markdown, *at.caption, *at.success, *at.info))


def test_a_sweep_of_a_million_runs_is_refused_before_they_are_made():
    """The estimate of a page counts no further than it may start."""
    many = "[axes]\nseed = { from = 0, to = 99999, step = 1 }\nseq_len = [1, 2, 3, 4, 5, 6, 7, 8, 9]"
    with pytest.raises(ConfigError, match="more than 2000 runs; remove values from its axes"):
        plan_for_page(many)


def test_a_sweep_that_runs_draws_the_page_again_once_more_runs_have_ended(runs, monkeypatch):
    monkeypatch.setattr(jobs, "RUNS", runs)
    folder, now = SweepFolder(runs, "small"), time.time()
    worker = Session(me(), now, now, total=24, finished=3, failed=0, before=0, seconds_left=9.0, workers={})
    write_session(folder, worker)
    assert count_ended(folder) == 3
    loads = []

    def load_while_a_run_ends(found: SweepFolder) -> Results:
        loads.append(count_ended(found))
        write_session(found, replace(worker, finished=min(3 + len(loads), 5)))
        return load_results(found)

    monkeypatch.setattr("experiments.sweeps.index.load_results", load_while_a_run_ends)
    at = AppTest.from_file(PAGE, default_timeout=60).run()
    write_session(folder, replace(worker, finished=5, ended="ended"))
    assert not at.exception
    assert loads[-1] == 5, "no press is needed to see what has ended since"
    assert "Show new results" not in [button.label for button in at.button]


def test_panels_are_told_apart_by_as_few_axes_as_it_takes():
    arms = (("france", "gru", 0.1), ("france", "elman", 0.2), ("adding", "gru", 0.3))
    panels = tuple((rate, task, cell) for task, cell, rate in arms)
    others = ("learning_rate", "task", "cell")
    table = Comparison("decay_rate", "seq_len", "gain", others, (1,), (1,), panels, {})
    assert table.telling == ("task", "cell"), "the rate varies with them, and says nothing more"
    assert [panel_words(table, panel).split(", ")[-1] for panel in panels] == ["GRU", "Elman", "GRU"]
    assert "0.1" not in panel_words(table, panels[0])


def test_a_sweep_that_starts_has_a_page_before_its_first_run(tmp_path, monkeypatch):
    write_plan(SweepFolder(tmp_path, "small"), plan_of(SWEEP, "small"))
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    at = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not at.exception
    charts = [c.proto.bytes for c in at.get("bidi_component") if "live_chart" in c.proto.component_name]
    assert b"No run of this row has a profile yet." in charts[-1]
    at.selectbox(key="small-view").select("runs").run()
    assert not at.exception


def test_a_row_says_that_its_lines_are_one_seed_where_the_map_is_a_mean(opened, tmp_path, monkeypatch):
    of_one = "that of the first seed that has a profile, not the mean over seeds"
    assert of_one in said(opened.run())
    plan = plan_of(SWEEP.replace("seeds = 2", "seeds = 1"), "small")
    write_plan(SweepFolder(tmp_path, "small"), plan)
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    assert of_one not in said(AppTest.from_file(PAGE, default_timeout=60).run())


def test_an_empty_name_is_refused():
    """It became the name `none`."""
    source = sweep_text("", "probe", 2, {"seq_len": [5, 6]})
    with pytest.raises(ConfigError, match=r"name was ''; it must be letters"):
        plan_of(source, "")


def test_an_estimate_of_what_is_recorded_already_says_so(tmp_path):
    plan = plan_of(sweep_text("one", "probe", 2, {"seq_len": [5, 6], "hidden_size": [2]}), "")
    results = load_results(SweepFolder(tmp_path, plan.name), plan)
    assert describe_cost(plan, results).startswith("4 runs, 4 left. They will take a")
    ended = replace(results, status=np.full(4, "finished"))
    assert describe_cost(plan, ended) == "4 runs, all of them recorded already."


def test_a_paused_sweep_says_so_and_one_that_starts_again_does_not(monkeypatch):
    said = []
    monkeypatch.setattr(standing.st, "info", said.append)
    monkeypatch.setattr(standing.st, "markdown", lambda _: None)
    plan = plan_of(sweep_text("one", "probe", 2, {"seq_len": [5, 6]}), "")
    left = load_results(SweepFolder(Path("nowhere"), plan.name), plan)
    done = replace(left, status=np.full(4, "finished"))
    for results, ended, works in ((left, STOPPED, False), (left, STOPPED, True), (done, STOPPED, False)):
        standing.show_standing(results, ended, works)
    assert said == ["Paused. All results are kept. Press *Continue* to go on.", "Starting …"]
