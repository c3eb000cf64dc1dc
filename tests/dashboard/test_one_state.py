"""A state, once set by any control of a page, is in its address: a reload, another window or a link shows the same."""

from urllib.parse import parse_qsl, urlencode

import pytest
from streamlit.testing.v1 import AppTest
from test_damaged_runs import PAGES
from test_explore import APP

from dashboard.components.projector import PARAMETER
from dashboard.explore import settings as explore
from dashboard.explore.control import Control, NumberList, OneOf, Slide, SomeOf, Switch, Text, TextFile, Whole
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import Settings
from dashboard.explore.state import FIRST, PINNED, START, State, read_state, write_state
from dashboard.lessons.lesson import Slider
from dashboard.lessons.place import read_controls, write_controls
from dashboard.lessons.registry import LESSONS
from dashboard.runs.kept import KEPT
from dashboard.sweeps.new_settings import NEW
from dashboard.train import controls as train
from experiments.config.run_config import RunConfig
from experiments.runs.train import Recorder

OF_DRAWN = [name for name, control in explore.CONTROLS.items() if not control.names_network]


def another(control: Control) -> object:
    """An allowed value that is not the default."""
    match control:
        case OneOf() | TextFile():
            return next(word for word in control.options if word != control.default)
        case SomeOf():
            return [word for word in control.options if word not in control.default][:2]
        case Switch():
            return not control.default
        case Whole():
            return control.default + 1
        case Slide():
            return control.clamp(control.default + control.step)
        case NumberList() | Text():
            return "1,0.5"
        case _:
            raise TypeError(f"{control} has no other value here")


def address_of(at: AppTest) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[-1] for name, value in at.query_params.items()}


def through_a_link(state: State) -> State:
    read, wrong = read_state(dict(parse_qsl(urlencode(write_state(state)), keep_blank_values=True)))
    assert wrong == []
    return FIRST if read is None else read


@pytest.mark.parametrize("name", OF_DRAWN)
def test_each_setting_of_explore_and_of_a_is_in_the_address(name):
    changed = Settings.of({name: another(explore.CONTROLS[name])})
    for state in (State(changed), State(Settings(), changed), State(changed, changed, 3), State(changed, Settings())):
        assert through_a_link(state) == state


@pytest.mark.parametrize("preset", [None, *range(len(PRESETS))])
def test_each_starting_point_is_in_the_address(preset):
    state = State(Settings.of({} if preset is None else PRESETS[preset].settings), None, preset)
    assert (write_state(state) == {}) == (state == FIRST)
    assert state == FIRST or through_a_link(state) == state


def test_no_setting_has_the_name_of_another_parameter():
    assert not {PINNED, START, PARAMETER} & {*explore.CONTROLS}
    assert "runs" not in train.CONTROLS


def test_all_controls_of_explore_are_restored_on_a_new_page():
    small = {"hidden_size": 7, "batch_size": 3, "seq_len": 9.0, "task": "reversal", "network": "encoder_decoder",
             "truncate": 0.0}  # fmt: skip
    kept = {"initialisation", "nonlinearity", "num_layers", "bidirectional", "head", "cells", "loss_position",
            "reverse_source", "text_file", "stack", "features", "act"}  # fmt: skip
    values = {name: another(explore.CONTROLS[name]) for name in OF_DRAWN if name not in kept and name not in small}
    state = State(Settings.of({**values, **small, "cells": ["gru"]}), Settings.of(small), 2)
    at = AppTest.from_file(APP, default_timeout=60)
    for name, text in write_state(state).items():
        at.query_params[name] = text
    at.run()
    assert not at.exception
    assert [e.value for e in (*at.error, *at.warning)] == []
    for name, value in state.settings.as_values().items():
        assert at.session_state[name] == value, name
    assert at.session_state["pinned"] == state.pinned
    assert address_of(at) == write_state(state)


@pytest.mark.parametrize("lesson", LESSONS, ids=[str(lesson.number) for lesson in LESSONS])
def test_each_control_of_a_lesson_is_in_the_address(lesson):
    values = {c.key: c.minimum if isinstance(c, Slider) else [*c.options][-1] for c in lesson.bench.controls}
    assert read_controls(write_controls(values, lesson), lesson) == (
        {c.key: values[c.key] for c in lesson.bench.controls if values[c.key] != c.value}, [])  # fmt: skip
    assert write_controls({c.key: c.value for c in lesson.bench.controls}, lesson) == ""
    _, wrong = read_controls("nothing:1~x", lesson)
    assert len(wrong) == 2


def test_a_lessons_controls_are_restored_on_a_new_page():
    at = AppTest.from_file(str(PAGES / "learn" / "page.py"), default_timeout=60)
    lesson = LESSONS[0]
    control = lesson.bench.controls[0]
    link = {"lesson": str(lesson.number), "beat": "do", "set": f"{control.key}:{control.minimum}"}
    for name, text in link.items():
        at.query_params[name] = text
    at.run()
    assert not at.exception
    assert at.session_state[f"lesson-{lesson.number}-{control.key}"] == control.minimum
    assert address_of(at) == link


def opened_train(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60)
    for name, text in parameters.items():
        at.query_params[name] = text
    return at.run()


def shown_values(at: AppTest) -> dict[str, object]:
    return {name: at.session_state[f"train-{name}"] for name in train.CONTROLS}


def test_all_controls_of_train_are_restored_on_a_new_page(runs):
    values = {name: another(control) for name, control in train.CONTROLS.items()}
    values |= {
        "others": '{"forget_bias":2.0}',
        "task": "translation",
        "second": "cell",
        "cell": "gru",
        "network": "encoder_decoder",
    }
    at = opened_train(**{name: str(value) for name, value in values.items()})
    assert not at.exception
    assert shown_values(at) == values
    again = opened_train(**address_of(at))
    assert shown_values(again) == values
    changed = next(box for box in again.number_input if box.label == "Seed").set_value(77).run()
    assert address_of(changed)["seed"] == "77"


def test_all_controls_of_runs_are_restored_on_a_new_page(lstm):
    wanted = {"run": "lstm", "search": "lstm", "step": "3", "look": "Gates", "all": "True", "lit": "True",
              "learned": "True", "follow": "False", "seeds": "False", "temperature": "0.5", "module": "0",
              "layer": "1", "direction": "backwards"}  # fmt: skip
    assert wanted.keys() == KEPT.controls.keys()

    def opened(link: dict[str, str]) -> AppTest:
        at = AppTest.from_file(str(PAGES / "runs" / "page.py"), default_timeout=60)
        for name, text in link.items():
            at.query_params[name] = text
        return at.run()

    at = opened(wanted)
    assert not at.exception
    assert [e.value for e in at.error] == []
    for page in (at, opened(address_of(at))):
        assert address_of(page) == {name: text for name, text in wanted.items() if name != "module"}
        assert page.session_state["runs-look"] == "Gates"
        assert page.text_input[0].value == "lstm"
    latest = opened({"run": "lstm"})
    assert "step" not in address_of(latest), "a run opens at its latest step"
    latest.text_input[0].set_value("no such run").run()
    assert address_of(latest)["run"] == "lstm", "a search drops no choice"


def test_a_watched_runs_settings_are_in_the_sidebar_and_start_again_the_same_run(runs):
    watched = RunConfig(task="latch", cell="gru", seq_len=12, hidden_size=4, batch_size=3, steps=5, forget_bias=2.0,
                        learning_rate=10.0, clip_threshold=None)  # fmt: skip
    lanes = [watched, watched.model_copy(update={"initialisation": "orthogonal"})]
    for lane in lanes:
        Recorder.start(lane, runs / lane.identity()).close()
    at = opened_train(runs=",".join(lane.identity() for lane in lanes))
    assert not at.exception
    shown = shown_values(at)
    assert {name: shown[name] for name in ("task", "cell", "seq_len", "learning_rate", "clip_threshold", "second")} == {
        "task": "latch", "cell": "gru", "seq_len": 12, "learning_rate": 10.0, "clip_threshold": None,
        "second": "initialisation"}  # fmt: skip
    assert train.make_lanes(shown) == lanes
    assert any("forget-gate bias 2" in caption.value for caption in at.caption)
    at = next(button for button in at.button if button.label == "New run").click().run()
    assert "runs" not in at.query_params
    assert at.session_state["train-task"] == "latch", "the sidebar stays as it was"


def test_the_form_of_a_new_sweep_is_restored_on_a_new_page(runs):
    values = {**{name: another(control) for name, control in NEW.controls.items()},
              "new_as": "form", "new_values": "cell=gru;seq_len=5,7;learning_rate=0.1,1"}  # fmt: skip
    link = {name: str(value) for name, value in values.items() if value != NEW.controls[name].default}
    at = AppTest.from_file(str(PAGES / "sweeps" / "page.py"), default_timeout=60)
    for name, text in link.items():
        at.query_params[name] = text
    at.run()
    assert not at.exception
    assert address_of(at) == link
    shown = {box.label: box.value for box in (*at.text_input, *at.multiselect, *at.number_input)}
    assert shown["Sequence length"] == "5, 7"
    assert shown["Settings"] == ["cell", "seq_len", "learning_rate"]
    assert (shown["Cell"], shown["Seeds"]) == (["gru"], 3)
    at.text_input(key="new-sweep-of-seq_len").set_value("9").run()
    assert "seq_len=9;" in address_of(at)["new_values"]
