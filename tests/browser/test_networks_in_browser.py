"""Encoder and decoder on Explore: the stack that is chosen is drawn, and attention stands beside the credit."""

import os
from pathlib import Path

import numpy as np
import pytest
from browsing import serious_faults_in_both_themes
from exploring import eventually, line, type_value
from playwright.sync_api import expect

from analysis.figures.symbols import loudness
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe

SETTINGS = "cells=gru&task=reversal&network=encoder_decoder&attention=dot&seq_len=12&hidden_size=16"
CONFIG = {
    "cell": "gru", "task": "reversal", "network": "encoder_decoder", "attention": "dot", "seq_len": 12,
    "hidden_size": 16, "largest_singular_value": 1.0, "forget_bias": 0.0,
}  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chosen_stack_is_drawn_and_attention_stands_beside_the_credit(explore, theme):
    page = explore(f"?{SETTINGS}&stack=encoder&panel=Credit", theme, viewport={"width": 1280, "height": 2400})
    encoder = probe(RunConfig.from_values(CONFIG)).of_stack("encoder").profile.median / np.log(10)
    assert eventually(page, lambda: line(page, "GRU") == pytest.approx(encoder.tolist(), abs=1e-3))
    for chart in ("credit-gru", "attention-gru", "crossing-gru"):
        page.locator(f'.live-chart[data-key="{chart}"][data-redraws]').wait_for()
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"networks-{theme}.png", full_page=True)
    if theme == "light":
        assert not serious_faults_in_both_themes(page)


def test_a_task_without_a_target_is_refused_in_a_sentence_and_the_picture_stays(explore):
    page = explore(f"?{SETTINGS}")
    assert eventually(page, lambda: bool(line(page, "GRU")))
    before = line(page, "GRU")
    page.get_by_role("combobox", name="Task").click()
    page.get_by_role("option", name="Adding two numbers").click()
    page.get_by_text("has no source and target").first.wait_for()
    assert eventually(page, lambda: line(page, "GRU") == before)


def test_a_translation_is_chosen_in_the_sidebar_and_its_source_reversed(explore):
    page = explore("?cells=gru&network=encoder_decoder&task=reversal&seq_len=8&hidden_size=16")
    page.get_by_role("combobox", name="Task").click()
    page.get_by_role("option", name="Numbers into French").click()
    for reverse in (False, True):
        values = {**CONFIG, "task": "translation", "attention": None, "seq_len": 8, "reverse_source": reverse}
        drawn = probe(RunConfig.from_values(values)).profile.median / np.log(10)
        assert eventually(page, lambda drawn=drawn: line(page, "GRU") == pytest.approx(drawn.tolist(), abs=1e-3))
        page.get_by_text("Reverse the source", exact=True).click()
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / "translation.png", full_page=True)


WRITTEN = """([key]) => {
    const plot = document.querySelector(`.live-chart[data-key="${key}"] .live-chart-plot`);
    return plot.data.find(trace => trace.name === "the sequence").text.filter(text => text !== "");
}"""


HEARD = """() => {
    const plot = document.querySelector('.live-chart[data-key="profile"] .live-chart-plot');
    return Array.from(plot._fullData.find(trace => trace.name === "heard by the loss").z[0]);
}"""
DRAWN = {"largest_singular_value": 1.0, "forget_bias": 0.0}
"""Settings that the page has and `probe` has not."""


def test_the_sequence_stands_under_the_charts_and_a_step_is_named_in_all_of_them(explore):
    query = "?cells=lstm&task=france&seq_len=10&hidden_size=16&overlays=what the loss hears&panel=Wave"
    page = explore(query, viewport={"width": 1280, "height": 1600})
    symbols = probe(RunConfig(cell="lstm", task="france", seq_len=10, hidden_size=16)).symbols
    country = symbols.texts[4]
    page.locator('.live-chart[data-key="wave"][data-redraws]').wait_for()
    for chart in ("profile", "wave"):
        assert set(page.evaluate(WRITTEN, [chart])) <= set(symbols.texts)
        assert country in page.evaluate(WRITTEN, [chart])
    heard = loudness(probe(RunConfig(cell="lstm", task="france", seq_len=10, hidden_size=16, **DRAWN)).heard)
    assert page.evaluate(HEARD) == pytest.approx(heard.tolist(), abs=1e-3)

    page.evaluate(
        """() => {
            const plot = document.querySelector('.live-chart[data-key="profile"] .live-chart-plot');
            plot.emit("plotly_hover", { points: [{ x: 5 }] });
        }"""
    )
    names = page.locator(".live-chart-step:visible")
    assert names.all_inner_texts() == [f"t = 5: {country}"] * 2

    type_value(page, "seq_len", "30")
    assert eventually(page, lambda: len(line(page, "LSTM")) == 38)
    expect(names, "the named step has gone").to_have_count(0)
    page.set_viewport_size({"width": 390, "height": 1600})
    assert eventually(page, lambda: len(page.evaluate(WRITTEN, ["profile"])) < 12)
    assert country in page.evaluate(WRITTEN, ["profile"])
