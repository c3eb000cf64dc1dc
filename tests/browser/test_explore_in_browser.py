"""Explore in a real browser: the profile follows the hand, and shows what `probe` computes."""

import csv
import json
import math
import re
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from access import faults_of_access
from browsing import press, resting_box, serious_faults_in_both_themes, settle
from exploring import (
    NAMES,
    PAGE,
    RECORD_FRAMES,
    SLOW_ANSWERS,
    drag,
    eventually,
    hold_frame_against_whole,
    hovered,
    line,
    passes,
    shows,
    type_value,
    value_of,
)
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from dashboard.explore.configs import page_configs
from dashboard.explore.link import write_link
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import Settings
from dashboard.explore.view import look_at
from experiments.__main__ import app
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe


def test_the_profile_follows_the_drag_exactly_and_ends_at_what_the_command_line_computes(explore, tmp_path):
    page = explore(viewport={"width": 1280, "height": 1000})
    page.locator('.live-chart[data-key="wave"][data-redraws]').wait_for()
    page.evaluate(RECORD_FRAMES, ["profile", "wave"])
    assert drag(page, "largest_singular_value", 1 / 3, 0.45, changes=3, release=False)
    for key in ("profile", "wave"):
        hold_frame_against_whole(page, key)
    hold_hurry_behind_slow_answers(page)
    page.mouse.up()

    type_value(page, "largest_singular_value", "1.4")

    file = tmp_path / "profile.csv"
    words = ["probe", "cell=elman,lstm,gru", "largest_singular_value=1.4", "forget_bias=0", "--csv", str(file)]
    CliRunner().invoke(app, words, catch_exceptions=False)
    rows = list(csv.DictReader(file.open()))
    for cell, name in NAMES.items():
        expected = [float(r["log_norm_median"]) / math.log(10) for r in rows if r["cell"] == cell]
        near = pytest.approx(expected, abs=1e-3)
        assert eventually(page, lambda name=name, near=near: line(page, name) == near)


def hold_hurry_behind_slow_answers(page: Page) -> None:
    """While the thumb is held: one question is on its way at a time, the newest; answers are drawn in their order."""
    page.evaluate(SLOW_ANSWERS, 200)
    track = resting_box(page.locator('.live-slider[data-key="largest_singular_value"] .range'))
    moves, y = 40, track["y"] + track["height"] / 2
    for k in range(moves):
        page.mouse.move(track["x"] + (0.45 + 0.2 * k / moves) * track["width"], y)
    shown = float(page.locator('.live-slider[data-key="largest_singular_value"] .number').input_value())
    way: dict = {}

    def is_at_rest() -> bool:
        way.update(page.evaluate("way"))
        ends = way["asked"] and way["asked"][-1]["largest_singular_value"] == pytest.approx(shown, abs=0.006)
        return ends and not way["onWay"] and way["drawn"][-1:] == way["answered"][-1:]

    assert eventually(page, is_at_rest)
    assert way["most"] == 1
    assert len(way["asked"]) < moves / 2
    places = [way["answered"].index(revision) for revision in way["drawn"]]
    assert places == sorted(set(places))


DRAGS = {
    "largest_singular_value": (1 / 3, 0.15, "1"),
    "seq_len": (0.1, 0.05, "100"),
    "forget_bias": (5 / 13, 0.7, "0"),
    "input_scale": (0.1, 0.3, "1"),
    "truncate": (0.01, 0.08, "0"),
}
"""Live control → the fractions of its track between which it is dragged, and where it stood before."""


def test_every_live_control_moves_the_profile_during_the_drag_to_the_numbers_of_probe(explore):
    page = explore()
    for key, (start, stop, before) in DRAGS.items():
        assert drag(page, key, start, stop), key
        value = value_of(page, key)
        whole = {"seq_len": int(value), "truncate": int(value) or None}
        expected = passes(**{key: whole.get(key, value)})
        assert eventually(page, partial(shows, page, expected)), key
        type_value(page, key, before)
        settle(page)


def test_the_clip_threshold_moves_the_clipping_chart_during_the_drag_to_the_numbers_of_probe(explore):
    page = explore("?panel=Clipping", viewport={"width": 1280, "height": 1800})
    page.wait_for_selector('.live-chart[data-key="clipping"][data-redraws]')
    assert drag(page, "clip_threshold", 0.5, 0.2, chart="clipping")
    threshold = value_of(page, "clip_threshold")
    alts = [f"{NAMES[cell]}" for cell in NAMES]
    alt = page.locator('.live-chart[data-key="clipping"] [role="img"]').get_attribute("aria-label") or ""
    assert all(name in alt for name in alts)
    for cell, result in passes().items():
        after = result.clip(threshold).log_norm_after / math.log(10)
        drawn = page.evaluate(
            """() => [...document.querySelector('.live-chart[data-key="clipping"] .live-chart-plot')._fullData]
                     .flatMap(trace => [...trace.x, ...trace.y]).filter(x => typeof x === "number")"""
        )
        assert any(math.isclose(number, after, abs_tol=1e-3) for number in drawn), (cell, after)


def test_zoom_survives_a_drag_which_the_words_beside_the_chart_follow(explore):
    page = explore()
    assert not faults_of_access(page)
    page.evaluate(
        """() => Plotly.relayout(document.querySelector('.live-chart[data-key="profile"] .live-chart-plot'),
                                 {"xaxis.range": [40, 60]})"""
    )
    assert drag(page, "largest_singular_value", 0.33, 0.5, changes=1)
    settle(page)
    kept = page.evaluate(
        """document.querySelector('.live-chart[data-key="profile"] .live-chart-plot').layout.xaxis.range"""
    )
    assert kept == [40, 60]
    lab = page.locator(".live-lab")
    before = lab.inner_text()
    track = resting_box(page.locator('.live-slider[data-key="largest_singular_value"] .range'))
    page.mouse.move(track["x"] + track["width"] / 2, track["y"] + track["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * 0.8, track["y"] + track["height"] / 2, steps=4)
    assert eventually(page, lambda: lab.inner_text() != before and "2.4" in lab.inner_text())
    page.mouse.up()
    settle(page)
    of_page = lab.inner_text()
    page.evaluate(
        """() => document.dispatchEvent(new CustomEvent("gradient-flow-move", {
            cancelable: true, detail: { changes: { largest_singular_value: 0.5 }, isPending: () => false } }))"""
    )
    assert eventually(page, lambda: lab.inner_text() != of_page)
    assert not serious_faults_in_both_themes(page)
    assert eventually(page, lambda: lab.inner_text() == of_page), "what the page does not keep leaves no words behind"


def test_an_exploding_pass_is_drawn(explore):
    page = explore("?cells=elman")
    type_value(page, "largest_singular_value", "3")
    type_value(page, "seq_len", "1000")
    expected = {"elman": probe(RunConfig(cell="elman", seq_len=1000, largest_singular_value=3.0, forget_bias=0.0))}
    assert eventually(page, lambda: shows(page, expected))


def test_the_wave_is_played_back_from_the_loss(explore):
    page = explore("?num_layers=2&cells=lstm", viewport={"width": 1280, "height": 1600})
    wave = page.locator('.live-chart[data-key="wave"][data-redraws]')
    wave.wait_for()
    shapes = """() => document.querySelector('.live-chart[data-key="wave"] .live-chart-plot').layout.shapes ?? []"""
    rows = """() => [...document.querySelector('.live-chart[data-key="wave"] .live-chart-plot')._fullData[0].y]"""
    assert page.evaluate(rows) == ["LSTM 2", "LSTM 1"]
    assert page.evaluate(shapes) == []
    assert re.match(r"LSTM 1, t = 1: \d\.\d×10\W*\d+\W* of its size at the loss", hovered(page, "wave", 0, 0, 1))
    reached = wave.get_by_role("slider")
    settle(page)
    reached.focus()
    reached.press("ArrowRight")
    assert eventually(page, lambda: len(page.evaluate(shapes)) == 1), "what is not reached yet is covered"
    assert reached.get_attribute("aria-valuetext") == "t = 2"
    wave.get_by_role("button", name="Play back from the loss").click()
    assert eventually(page, lambda: page.evaluate(shapes) == []), "it ends at the first timestep"

    page.get_by_role("radio", name="Cell state").click()
    seen = probe(RunConfig(cell="lstm", num_layers=2, **PAGE)).cell_state
    assert seen is not None
    for chart, spread in (("cell-gradient", seen.log_norm), ("cell-size", seen.log_size)):
        page.locator(f'.live-chart[data-key="{chart}"][data-redraws]').wait_for()
        assert np.allclose(line(page, "LSTM", chart), spread.median / math.log(10), atol=1e-3), chart
    assert re.fullmatch(r"LSTM, t = 1: \d(\.\d)?×10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+", hovered(page, "cell-gradient", 2, 0))
    page.get_by_role("radio", name="Inputs").click()
    page.locator('.live-chart[data-key="input-gradients"][data-redraws]').wait_for()
    each = np.array(line(page, "LSTM, each sequence", "input-gradients"), dtype=float)
    assert np.isnan(each).sum() == 15, "16 sequences, with gaps between"


def test_the_numbers_of_a_chart_are_downloaded(explore):
    page = explore("?cells=gru")
    medians = probe(RunConfig(cell="gru", **PAGE)).profile.median.tolist()
    for kind in ("CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).first.click()
        text = Path(download.value.path()).read_text()
        if kind == "CSV":
            rows = csv.DictReader(line for line in text.splitlines() if line[0] != "#")
            drawn = [float(row["gru log_norm median"]) for row in rows]
        else:
            drawn = json.loads(text)["columns"]["gru log_norm median"]
        assert drawn == pytest.approx(medians, rel=1e-12), kind


def test_every_preset_shows_what_it_says_and_its_link_opens_the_same(explore):
    page = explore()
    for k, preset in enumerate(PRESETS):
        press(page, preset.name)
        page.get_by_text(preset.try_this[:40]).wait_for()
        settings = Settings.of(preset.settings)
        wanted = {c.cell: look_at(probe(c), settings) for c in page_configs(settings)}
        assert eventually(page, partial(shows, page, wanted)), preset.name
        if k in (1, 3):
            other = explore("?" + urlencode(write_link(settings)))
            assert eventually(other, partial(shows, other, wanted)), preset.name


def test_a_pinned_state_stays_beside_the_present_one(explore):
    page = explore("?cells=elman")
    press(page, "Pin as A")
    page.get_by_role("button", name="Unpin A").wait_for()
    assert eventually(page, lambda: bool(line(page, "Elman")))
    before = line(page, "Elman")
    type_value(page, "largest_singular_value", "1.5")
    assert eventually(page, lambda: line(page, "A: Elman") == before and line(page, "Elman") != before)
    page.locator(".live-lab").get_by_text("singular value: 1 → 1.5").wait_for()


def test_layer_and_direction_are_chosen_and_said_and_what_no_loss_can_reach_is_hatched(explore):
    query = "?cells=gru&num_layers=2&bidirectional=True&seq_len=30&loss_position=last&panel=Hidden states"
    page = explore(query, viewport={"width": 1280, "height": 1600})
    truth = probe(RunConfig(cell="gru", num_layers=2, bidirectional=True, **{**PAGE, "seq_len": 30}))
    profiles = [p.median / math.log(10) for p in truth.layer_profiles]  # 1 →, 1 ←, 2 →, 2 ←
    assert eventually(page, lambda: line(page, "GRU") == pytest.approx(profiles[2].tolist(), abs=1e-3))
    hatched = """() => document.querySelector('.live-chart[data-key="profile"] .live-chart-plot')
        .data.filter(trace => trace.name === "no path to a loss").flatMap(trace => Array.from(trace.x).slice(0, 2))"""
    assert page.evaluate(hatched) == []
    page.get_by_role("radio", name="backwards").click()
    both = "It is said beside the profile, and beside the panel's chart"
    expect(page.get_by_text("Layer 2 of 2, backwards."), both).to_have_count(2, timeout=30_000)
    assert eventually(page, lambda: page.evaluate(hatched) == [1, 29.5])
    page.get_by_text("The reverse direction reads the last input first").first.wait_for()
    page.get_by_role("radio", name="1", exact=True).click()
    page.get_by_text("Layer 1 of 2, backwards.").first.wait_for()
    assert eventually(page, lambda: line(page, "GRU") == pytest.approx(profiles[1].tolist(), abs=1e-3))
    expect(page).to_have_url(re.compile(r"(?=.*shown_layer=1)(?=.*direction=backwards)"))


def test_a_slow_panel_says_what_it_computes_and_gives_way_to_newer_settings(explore):
    query = "?cells=lstm&seq_len=1000&panel=Lyapunov exponents"
    page = explore(query, viewport={"width": 1280, "height": 1600})
    type_value(page, "seq_len", "900")  # the first visit's is given up, too
    page.get_by_text("Computing the Lyapunov exponents").wait_for()
    type_value(page, "seq_len", "30")
    chart = page.locator('.live-chart[data-key="lyapunov"][data-redraws]')
    chart.wait_for(timeout=60_000)
    truth = probe(RunConfig(cell="lstm", **{**PAGE, "seq_len": 30})).lyapunov.exponents
    drawn = """() => [...document.querySelector('.live-chart[data-key="lyapunov"] .live-chart-plot')
        ._fullData.find(trace => trace.name === "LSTM: exponent").y]"""
    assert eventually(page, lambda: page.evaluate(drawn) == pytest.approx(truth.tolist(), abs=1e-3), seconds=30)
    page.locator(".computing").wait_for(state="detached")
