"""Explore's choice of a network, a head, an attention and a stack: what is drawn of each, and what is refused."""

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from analysis.numbers import log_quantile
from dashboard.explore.configs import lowered, page_configs
from dashboard.explore.explore_frame import describe_settings, explore_frame
from dashboard.explore.link import read_settings
from dashboard.explore.settings import CONTROLS, OF_NETWORK, OVERLAYS, PANEL_NAMES, Settings
from dashboard.explore.view import record_view
from experiments.errors import ConfigError
from models.networks.registry import NETWORKS

SMALL = {"cells": ["gru"], "hidden_size": 6, "batch_size": 2, "seq_len": 7.0}
REVERSAL = {**SMALL, "task": "reversal", "network": "encoder_decoder"}


def view(**values):
    return record_view(Settings.of({**REVERSAL, **values}))


@pytest.mark.parametrize("stack", ["encoder", "decoder", "outputs"])
def test_the_profile_is_of_the_chosen_stack(stack):
    probe = view(stack=stack).probes["gru"]
    wanted = probe.whole.stacks["decoder" if stack == "outputs" else stack].top
    assert probe.layer is wanted
    assert np.array_equal(probe.profile.median, log_quantile(wanted.log_norm.numpy(), 0.5))


@pytest.mark.parametrize("attention", ["none", "dot", "bahdanau"])
def test_attention_and_the_ways_across_stand_beside_the_credit(attention):
    frame = explore_frame(view(attention=attention, panel="Credit"))
    wanted = {"profile", "credit-gru", "crossing-gru"} | ({"attention-gru"} if attention != "none" else set())
    assert set(frame.pictures) == wanted
    for draw in frame.pictures.values():
        assert draw().alt


@pytest.mark.parametrize(
    "panel", ["Wave", "Hidden states", "Gates", "Jacobians", "Lyapunov exponents", "Paths", "Clipping"]
)
def test_every_panel_is_drawn_of_each_stack(panel):
    for stack in ("encoder", "decoder"):
        for draw in explore_frame(view(stack=stack, panel=panel)).pictures.values():
            assert draw().sentence


@pytest.mark.parametrize("panel", ["Wave", "Credit", "Inputs", "Jacobians", "Paths", "Diagnosis"])
def test_every_panel_is_drawn_of_a_decoder_that_describes_a_picture(panel):
    """Its time axis is that of the words."""
    values = {"task": "captioning", "network": "one_to_many", "attention": "bahdanau", "features": "first_input"}
    frame = explore_frame(view(**values, seq_len=2.0, panel=panel))
    for draw in frame.pictures.values():
        assert draw().sentence
    if panel == "Credit":
        looks = frame.pictures["attention-gru"]().columns["weight"]
        assert len(looks) == 12 * 9
        assert np.isclose(sum(looks), 12)


def test_a_heads_reading_stands_beside_the_credit():
    frame = explore_frame(record_view(Settings.of({**SMALL, "head": "attention", "panel": "Credit"})))
    assert "attention-gru" in frame.pictures
    assert np.isclose(sum(frame.pictures["attention-gru"]().columns["weight"]), 2)


def test_a_translations_source_may_be_reversed_and_another_task_has_none_to_reverse():
    forward, backward = (view(task="translation", reverse_source=r).probes["gru"].experiment for r in (False, True))
    blanks = forward.inputs[..., forward.task.words.index("_")].sum(0).long()
    for b, first in enumerate(blanks.tolist()):
        assert torch.equal(forward.inputs[first:7, b].flip(0), backward.inputs[first:7, b])
    assert view(reverse_source=True).probes["gru"].experiment.config.reverse_source is False


def test_a_delay_of_its_own_reaches_back_as_far_as_it_says_and_fits_into_the_sequence():
    def delay(**values):
        return view(**{"task": "delayed_xor", "network": "sequence", **values}).probes["gru"].experiment.config.delay

    assert [delay(delay=2), delay(delay=60), delay(delay=0), delay(delay=2, seq_len=1)] == [2, 3, None, None]
    assert delay(task="adding", delay=2) is None


@pytest.mark.parametrize(
    ("values", "most"),
    [
        ({"task": "delayed_xor", "seq_len": 9, "delay": 4}, {}),
        ({"task": "delayed_xor", "seq_len": 9, "delay": 5}, {"delay": 4}),
        ({"task": "delayed_xor", "seq_len": 2, "delay": 5}, {"delay": 0}),
        ({"task": "adding", "seq_len": 9, "delay": 5}, {}),
        ({"task": "adding", "seq_len": 9, "seq_len_min": 10}, {}),
        ({"task": "adding", "seq_len": 9, "seq_len_min": 10, "seq_len_schedule": "mixed"}, {"seq_len_min": 9}),
    ],
)
def test_a_setting_without_room_is_lowered_and_the_page_says_so(values, most):
    settings = Settings.of(values)
    assert lowered(settings) == most
    for config in page_configs(settings):
        assert {name: getattr(config, name) or 0 for name in most} == most

    def page():
        import streamlit as st

        from dashboard.explore.refused import say_lowered

        say_lowered(st.session_state["settings"])

    at = AppTest.from_function(page)
    at.session_state["settings"] = settings
    said = [caption.value for caption in at.run().caption]
    assert len(said) == len(most)
    assert all(f"a sequence length of {values['seq_len']} has no room" in sentence for sentence in said)


def test_a_setting_that_is_not_shown_does_not_act():
    """A head or a start that was chosen for one sequence stays in the page's memory."""
    left = {"head": "attention", "start": "learned", "features": "first_input", "seq_len_schedule": "mixed"}
    config = view(**left).probes["gru"].experiment.config
    assert (config.head, config.start, config.features, config.seq_len_schedule) == ("linear", "zero", "start", "fixed")
    alone = record_view(Settings.of({**SMALL, **left, "attention": "dot"})).probes["gru"].experiment.config
    assert (alone.head, alone.start, alone.attention) == ("attention", "learned", None)


@pytest.mark.parametrize(
    ("values", "named", "not_named"),
    [
        ({"cells": ["elman"]}, {"Elman's nonlinearity"}, {"Forget-gate bias", "Delay", "Reverse the source"}),
        ({"cells": ["elman", "lstm"]}, {"Elman's nonlinearity", "Forget-gate bias"}, {"Stack"}),
        ({"task": "translation", "network": "encoder_decoder"}, {"Reverse the source", "Stack"}, {"Head", "Delay"}),
        ({"task": "delayed_xor"}, {"Delay", "Clip by"}, {"Shortest sequence", "Layer shown", "After timestep"}),
        ({"clip_threshold": 1e6}, {"Clip threshold"}, {"Clip by", "Direction shown", "Details"}),
        (
            {"num_layers": 2, "bidirectional": True, "act": "zero"},
            {"Layer shown", "Direction shown", "Unit"},
            {"Delay"},
        ),
    ],
)
def test_what_is_downloaded_names_the_settings_that_act_and_no_others(values, named, not_named):
    settings = Settings(**{"seq_len": 8, "hidden_size": 4, "batch_size": 2, **values})
    labels = {*describe_settings(record_view(settings))}
    assert named <= labels
    assert not not_named & labels
    assert not_named <= {control.label for control in CONTROLS.values()}


def test_every_panel_is_drawn_of_sequences_of_unequal_lengths():
    values = {**SMALL, "cells": ["elman", "lstm"], "task": "parity", "seq_len_schedule": "mixed", "overlays": OVERLAYS}
    for panel in PANEL_NAMES:
        made = record_view(Settings.of({**values, "batch_size": 4, "seq_len_min": 2, "panel": panel}))
        assert made.probes["lstm"].experiment.lengths[0] == 7
        for draw in explore_frame(made).pictures.values():
            assert draw().sentence
    longer = record_view(Settings.of({**values, "seq_len_min": 50})).probes["lstm"].experiment
    assert longer.lengths is None, "the shortest cannot be longer than the longest"


def test_what_does_not_go_together_is_said_in_a_sentence():
    with pytest.raises(ConfigError, match="choose task=reversal"):
        record_view(Settings.of({**SMALL, "network": "encoder_decoder"}))
    _, wrong = read_settings({"network": "tree"})
    assert len(wrong) == 1


def test_each_network_has_its_own_widgets():
    assert set(OF_NETWORK) == set(NETWORKS)
