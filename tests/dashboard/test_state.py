"""Settings from a link, a socket or a widget: what is allowed is taken, the rest is said, and nothing is executed."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from test_explore import APP

from dashboard.explore.configs import page_configs, page_values
from dashboard.explore.control import Slide
from dashboard.explore.differences import format_value
from dashboard.explore.link import read_settings, write_link
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import CONTROLS, Settings
from dashboard.server.serving import FILES_VARIABLE

CHANGED = {
    "task": "copying",
    "cells": ["gru", "elman"],
    "loss_position": "last",
    "hidden_size": 7,
    "largest_singular_value": 1.23456789,
    "bidirectional": True,
    "overlays": [],
    "panel": "Lyapunov exponents",
    "truncate": 12.0,
}


def test_a_link_restores_the_exact_state():
    values, wrong = read_settings(write_link(Settings.of(CHANGED)))
    assert values == CHANGED
    assert wrong == []


def test_defaults_make_an_empty_link():
    assert write_link(Settings()) == {}


def test_what_the_page_holds_is_allowed_as_it_is():
    state = Settings.of(CHANGED).as_values()
    assert read_settings(state) == (state, [])


def test_every_control_allows_its_own_default():
    defaults = {name: control.default for name, control in CONTROLS.items()}
    assert read_settings(defaults) == (defaults, [])
    assert Settings().as_values() == defaults


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*CONTROLS]), ANYTHING)
@example("inputs", {"x" * 99: {"y" * 99: None, "z" * 99: -(10**60)}, "a": {"b" * 99: "c" * 99}})
def test_a_value_of_any_type_is_taken_as_an_allowed_one_or_refused_in_a_few_words(name, value):
    values, wrong = read_settings({name: value})
    assert len(values) + len(wrong) == 1
    for taken in values.values():
        assert type(taken) is type(CONTROLS[name].default)
        assert read_settings({name: taken}) == (values, [])
    for words in wrong:
        assert words.startswith(f"{name} was ")
        assert "\n" not in words
        assert len(words) < 400


@pytest.mark.parametrize("name", [*CONTROLS])
@pytest.mark.parametrize("value", ["9" * 10**6, 10**400, ["x"] * 10**5, "1," * 10**6, [[[[[[]]]]]], {"a": {"b": {}}}])
def test_a_huge_value_is_refused_in_a_few_words(name, value):
    values, wrong = read_settings({name: value})
    assert not values
    assert len(wrong[0]) < 400


def test_a_file_of_this_machine_is_named_only_where_the_server_was_started_so(monkeypatch):
    monkeypatch.delenv(FILES_VARIABLE, raising=False)
    assert read_settings({"text_file": "/etc/hostname"})[0] == {}
    monkeypatch.setenv(FILES_VARIABLE, "1")
    assert read_settings({"text_file": "/etc/hostname"})[0] == {"text_file": "/etc/hostname"}
    for value in ("", "a\0b", "x" * 5000, ["/etc/hostname"], 7):
        assert read_settings({"text_file": value})[0] == {}


@given(st.dictionaries(st.sampled_from([*CONTROLS, "other", "<script>"]), st.text(max_size=30), max_size=6))
def test_any_link_gives_only_allowed_values(parameters):
    values, wrong = read_settings(parameters)
    assert len(values) + len(wrong) == len(parameters)
    for name, value in values.items():
        text = ",".join(value) if isinstance(value, list) else str(value)
        assert CONTROLS[name].read(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hidden_size", "99999999"),
        ("hidden_size", "3.5"),
        ("seq_len", "nan"),
        ("largest_singular_value", "1e999"),
        ("cells", "elman,elman"),
        ("task", "<script>alert(1)</script>"),
        ("text_file", "/etc/passwd"),
        ("panel", "__import__"),
        ("bidirectional", "yes"),
    ],
)
def test_a_tampered_value_is_refused_and_the_rest_restored(name, text):
    values, wrong = read_settings({name: text, "seed": "5"})
    assert values == {"seed": 5}
    assert len(wrong) == 1
    assert name in wrong[0]


def test_a_file_of_the_server_is_not_put_into_a_link():
    assert write_link(Settings.of({"text_file": "/home/me/diary.txt"})) == {}


def test_the_page_says_in_one_line_what_a_link_had_wrong():
    at = AppTest.from_file(APP, default_timeout=60)
    at.query_params["hidden_size"] = "1000000"
    at.query_params["cells"] = "gru"
    at.query_params["seq_len"] = "12"
    at.run()
    assert not at.exception
    assert at.warning[0].value.count("Hidden units") == 1
    assert at.session_state["cells"] == ["gru"]
    assert at.session_state["seq_len"] == 12.0
    assert at.session_state["hidden_size"] == 64


@pytest.mark.parametrize("k", range(len(PRESETS)), ids=[preset.name for preset in PRESETS])
def test_every_preset_shows(k):
    at = AppTest.from_file(APP, default_timeout=60).run()
    at.button(key=f"preset-{k}").click().run()
    assert not at.exception
    assert not at.error
    assert any(PRESETS[k].try_this == m.value for m in at.markdown)
    for name, value in PRESETS[k].settings.items():
        assert at.session_state[name] == value


def test_a_remedy_beyond_a_slider_stops_at_its_end():
    given = {"clip_threshold": 2e-8, "forget_bias": 12.0, "truncate": None, "nonlinearity": "tanh"}
    assert page_values(given) == {
        "clip_threshold": 1e-3, "forget_bias": 8.0, "truncate": 0.0, "nonlinearity": "tanh"}  # fmt: skip


@pytest.mark.parametrize("threshold", [None, 0.001, 1.0, 1000.0])
def test_no_clipping_is_the_clip_sliders_last_position(threshold):
    settings = Settings.of(page_values({"clip_threshold": threshold}))
    assert settings.threshold == threshold
    assert all(config.clip_threshold == threshold for config in page_configs(settings))
    assert (format_value("clip_threshold", settings.clip_threshold) == "none") == (threshold is None)


def test_the_end_of_a_slider_can_be_named_as_it_is_written():
    named = {name: c for name, c in CONTROLS.items() if isinstance(c, Slide) and (c.least or c.most)}
    assert {"clip_threshold", "truncate"} <= set(named)
    for c in named.values():
        assert c.least == "" or c.read(c.least) == c.lowest
        assert c.most == "" or c.read(c.most) == c.highest
    with pytest.raises(ValueError, match="a number"):
        CONTROLS["input_scale"].read("none")
