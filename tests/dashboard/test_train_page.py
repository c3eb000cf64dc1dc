"""Train: settings that have been trained are offered to be opened or trained again, in plain words."""

import json
import sys

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_damaged_runs import PAGES

from analysis.numbers import LN_10
from analysis.wording import power_of_ten
from dashboard.components.as_text import as_text
from dashboard.option_words import TASK_WORDS
from dashboard.server.serving import SHARED_VARIABLE
from dashboard.train import jobs
from dashboard.train.settings import choose_lanes
from experiments.__main__ import run
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from experiments.runs.opening import config_of, open_run
from experiments.runs.store.errors import RunError
from experiments.runs.train import Recorder
from experiments.tasks import TASKS

CLASSIC = RunConfig(
    task="temporal_order", cell="elman", seq_len=30, hidden_size=50, batch_size=20, steps=30_000, optimiser="sgd",
    learning_rate=0.01, clip_threshold=1.0, initialisation="gaussian", gain=0.7, record_every=50,
)  # fmt: skip
LANES = [CLASSIC, CLASSIC.model_copy(update={"clip_threshold": None})]


@pytest.fixture(params=["1", "0"], ids=["shared", "personal"])
def opened(request, pool, monkeypatch):
    monkeypatch.setenv(SHARED_VARIABLE, request.param)
    for name in ("dashboard.train.jobs.jobs", "dashboard.train.earlier_runs.jobs", "dashboard.train.steering.jobs"):
        monkeypatch.setattr(name, lambda: pool)
    return AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60).run()


def press(at: AppTest, label: str) -> AppTest:
    button = [button for button in at.button if button.label == label][-1]
    assert not button.disabled
    at = button.click().run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    return "\n".join(e.value for kind in (at.markdown, at.caption, at.info, at.error, at.warning) for e in kind)


def names_asked(process) -> list[str]:
    return [value for word, value in zip(process.asked, process.asked[1:], strict=False) if word == "--name"]


def test_settings_that_nobody_has_trained_are_trained(opened, processes):
    press(opened, "Start")
    assert names_asked(processes[0]) == [lane.identity() for lane in LANES]


def drawn(at: AppTest) -> dict:
    charts = [json.loads(c.proto.bytes) for c in at.get("bidi_component") if "live_chart" in c.proto.component_name]
    return next(chart for chart in charts if chart["key"] == "before")["figure"]


def choose(at: AppTest, label: str, option: str) -> None:
    next(box for box in at.selectbox if box.label == label).select(option).run()
    assert not at.exception


def test_the_gradient_before_the_first_step_is_drawn_and_follows_the_sidebar(opened):
    assert "## Before training" in said(opened)
    size = power_of_ten(float(np.ptp(probe(CLASSIC).profile.median)) / -LN_10)
    assert f"Elman: the gradient vanishes, {size}" in drawn(opened)["layout"]["title"]["text"]
    assert "This is the first lane" not in said(opened)
    choose(opened, "Second lane", "initialisation")
    assert "This is the first lane; the second one begins with other weights." in said(opened)
    choose(opened, "Second lane", "cell")
    assert {"Elman", "LSTM"} <= {trace.get("name") for trace in drawn(opened)["data"]}
    next(box for box in opened.number_input if box.label == "Hidden units").set_value(512).run()
    next(box for box in opened.number_input if box.label == "Batch size").set_value(256).run()
    assert not opened.exception
    assert "Its gradient appears once it trains." in said(opened)


def test_a_shortest_sequence_without_room_is_lowered_and_the_sidebar_says_so(opened, processes):
    choose(opened, "Lengths", "ranged")
    assert "has no room for more" not in said(opened)
    next(box for box in opened.number_input if box.label == "Sequence length").set_value(8).run()
    assert "Shortest sequence is 8 here: a sequence length of 8 has no room for more." in said(opened)


def test_a_second_lane_that_would_be_the_first_is_left_out_and_the_sidebar_says_so(opened, processes):
    sentence = "There is no second lane: with this change it would be the same as the first."
    assert sentence not in said(opened)
    next(box for box in opened.number_input if box.label == "Clip threshold").set_value(None).run()
    assert sentence in said(opened)
    assert "One network trains." in said(opened)
    assert "classic experiment" not in said(opened), "the settings are others by now"


def test_settings_that_were_trained_are_offered_and_nothing_is_shown_or_started(opened, processes, runs):
    for lane in LANES:
        Recorder.start(lane, runs / lane.identity(), owner="somebody").close()
    at = press(opened, "Start")
    assert not processes
    assert "These settings have been trained here before." in said(at)
    assert "step 0 of 30,000" in said(at)
    assert not any(word in said(at) for word in ("python -m", str(runs), "`"))
    assert "watched" not in at.session_state
    at = press(at, "Open them")
    assert at.session_state["watched"] == [lane.identity() for lane in LANES]
    assert not processes


def test_train_again_makes_runs_of_the_same_settings_under_free_names(opened, processes, runs):
    Recorder.start(LANES[0], runs / LANES[0].identity()).close()
    at = press(press(opened, "Start"), "Train again")
    assert names_asked(processes[0]) == [f"{LANES[0].identity()}-2", LANES[1].identity()]
    assert at.session_state["watched"] == names_asked(processes[0])
    assert "have been trained" not in said(at)


def test_an_altered_run_is_offered_as_such(opened, runs):
    with Recorder.start(LANES[0], runs / LANES[0].identity(), owner="somebody") as recorder:
        recorder.event("clip_threshold", "clip threshold changed from 1 to 0.5", old=1.0, new=0.5)
    assert "clip threshold changed by hand" in said(press(opened, "Start"))


def test_with_all_cores_busy_start_says_the_place_and_can_be_taken_back(opened, pool, processes):
    from dashboard.train.job_queue import Job

    busy = pool.ask(Job(("r1",), "somebody", ["run"]))
    pool.ask(Job(("r2", "r3"), "another", ["run"]))
    at = press(opened, "Start")
    assert "All cores are busy. 2 runs are ahead of yours." in said(at)
    assert len(processes) == 1
    at = press(at, "Leave the queue")
    assert "left the queue" in said(at)
    assert busy.works
    assert [job.visitor for job in pool.waiting] == ["another"]


def test_what_an_address_names_is_a_run_and_no_path(opened, pool):
    at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60)
    at.query_params["runs"] = "../../etc,/etc,abc-2,.hidden"
    at.run()
    assert not at.exception
    assert at.session_state["watched"] == ["abc-2"]


def test_a_refusal_of_the_process_is_a_sentence_without_a_path(opened, pool, monkeypatch, runs):
    def refuse(lanes):
        raise RunError(f"run a1 cannot be written to {str(runs)!r} (no space left on device); nothing of it is kept.")

    monkeypatch.setattr(jobs, "start_runs", refuse)
    at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60).run()
    at = press(at, "Start")
    sentence = "run a1 cannot be written to 'runs' (no space left on device); nothing of it is kept."
    assert at.error[0].value == as_text(sentence)


def test_every_task_has_its_words_and_a_translation_offers_to_reverse_its_source(opened, processes):
    assert list(TASK_WORDS) == list(TASKS)
    assert not [toggle for toggle in opened.toggle if toggle.label == "Reverse the source"]
    truncate = next(box for box in opened.number_input if box.label == "Truncate after")
    assert (truncate.value, truncate.placeholder) == (None, "never")
    next(box for box in opened.selectbox if box.label == "Task").select("translation").run()
    next(toggle for toggle in opened.toggle if toggle.label == "Reverse the source").set_value(True).run()
    press(opened, "Start")
    lanes = [lane.model_copy(update={"task": "translation", "reverse_source": True}) for lane in LANES]
    assert names_asked(processes[0]) == [lane.identity() for lane in lanes]


def test_a_task_with_a_target_offers_an_encoder_and_a_decoder(opened, processes):
    assert not [box for box in opened.selectbox if box.label == "Network"]
    choose(opened, "Task", "reversal")
    choose(opened, "Network", "encoder_decoder")
    choose(opened, "Attention", "dot")
    press(opened, "Start")
    wanted = CLASSIC.model_copy(update={"task": "reversal", "network": "encoder_decoder", "attention": "dot"})
    lanes = [wanted, wanted.model_copy(update={"clip_threshold": None})]
    assert names_asked(processes[0]) == [lane.identity() for lane in lanes]


def test_only_a_task_with_pictures_offers_a_decoder_of_pictures(opened):
    def networks(task: str) -> list[str]:
        next(box for box in opened.selectbox if box.label == "Task").select(task).run()
        assert not opened.exception
        return next(box for box in opened.selectbox if box.label == "Network").options

    assert "picture and decoder" not in networks("reversal")
    assert "picture and decoder" in networks("captioning")


def test_a_run_that_does_not_train_is_shown_by_one_run_of_the_page(opened, runs, monkeypatch):
    """A second one before the browser has made the sidebar leaves its fields at their lowest values."""
    Recorder.start(CLASSIC, runs / CLASSIC.identity(), owner="somebody").close()
    made = []
    monkeypatch.setattr("dashboard.train.settings.choose_lanes", lambda: made.append(1) or choose_lanes())
    at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60)
    at.query_params["runs"] = CLASSIC.identity()
    at.run()
    assert not at.exception
    assert at.session_state["watched"] == [CLASSIC.identity()]
    assert len(made) == 1


@pytest.mark.parametrize("task", TASKS)
def test_a_training_of_every_task_that_the_page_starts_ends_and_is_shown(task, processes, pool, runs, monkeypatch):
    for name in ("dashboard.train.jobs.jobs", "dashboard.train.earlier_runs.jobs", "dashboard.train.steering.jobs"):
        monkeypatch.setattr(name, lambda: pool)
    at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60)
    small = {"cell": "gru", "seq_len": 6, "hidden_size": 4, "batch_size": 2, "steps": 2, "record_every": 1}
    at.query_params.update({"task": task, "second": "none"} | {name: str(value) for name, value in small.items()})
    press(at.run(), "Start")
    words = processes[0].asked
    monkeypatch.setattr(sys, "argv", ["experiments", *words])
    with pytest.raises(SystemExit) as end:
        run()
    assert not end.value.code
    run_folder = open_run(runs / at.session_state["watched"][0])
    assert (run_folder.status, config_of(run_folder).task) == ("finished", task)
    at.run()
    assert not at.exception
    assert not at.error
    assert "at step 2" in said(at)
