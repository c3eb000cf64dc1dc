"""Explore in a real browser: the profile follows the hand, and shows what `probe` computes."""

import csv
import math
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
SLIDERS = ("largest_singular_value", "clip_threshold", "seq_len", "forget_bias", "input_scale", "truncate")


def redraws(page: Page, chart: str = "profile") -> int:
    return int(page.locator(f'.live-chart[data-key="{chart}"]').get_attribute("data-redraws") or 0)


def line(page: Page, name: str, chart: str = "profile") -> list[float]:
    """The y values that the chart draws for a trace."""
    return page.evaluate(
        """([key, name]) => {
            const plot = document.querySelector(`.live-chart[data-key="${key}"] .live-chart-plot`);
            return Array.from(plot._fullData.find(trace => trace.name === name).y);
        }""",
        [chart, name],
    )


def drag(page: Page, key: str, start: float, stop: float, moves: int = 25) -> int:
    """Drag a thumb from one fraction of the track to another; how often the profile changed before release."""
    track = page.locator(f'.live-slider[data-key="{key}"] .range')
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    before = redraws(page)
    for k in range(1, moves + 1):
        page.mouse.move(box["x"] + (start + (stop - start) * k / moves) * box["width"], y)
        page.wait_for_timeout(80)
    during = redraws(page) - before
    page.mouse.up()
    return during


def settle(page: Page) -> None:
    page.wait_for_function("!document.querySelector('[data-test-script-state=\"running\"]')")
    page.wait_for_timeout(1200)


def type_value(page: Page, key: str, value: str) -> None:
    field = page.locator(f'.live-slider[data-key="{key}"] .number')
    field.fill(value)
    field.press("Enter")
    settle(page)


def test_the_profile_follows_the_drag_and_ends_at_what_probe_computes(app_url, open_page, tmp_path):
    page = open_page(app_url)
    during = drag(page, "largest_singular_value", 1 / 3, 0.6)
    assert during >= 3
    settle(page)
    type_value(page, "largest_singular_value", "1.4")
    assert page.locator('.live-slider[data-key="largest_singular_value"] .number').input_value() == "1.4"

    file = tmp_path / "profile.csv"
    command = [sys.executable, "-m", "experiments", "probe", "cell=elman,lstm,gru", "largest_singular_value=1.4",
               "forget_bias=0", "--csv", str(file)]  # fmt: skip
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=120)
    rows = list(csv.DictReader(file.open()))
    for cell, name in (("elman", "Elman"), ("lstm", "LSTM"), ("gru", "GRU")):
        expected = [float(r["log_norm_median"]) / math.log(10) for r in rows if r["cell"] == cell]
        assert line(page, name) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("key", SLIDERS)
def test_every_live_control_changes_its_chart_during_the_drag(app_url, open_page, key):
    page = open_page(app_url, viewport={"width": 1280, "height": 1800})
    if key == "clip_threshold":  # clipping changes no profile, but the parameter gradients' chart
        page.get_by_role("radio", name="Clipping").click()
        settle(page)
        before = redraws(page, "clipping")
        drag(page, key, 0.5, 0.2)
        settle(page)
        assert redraws(page, "clipping") - before >= 2
    else:
        start, stop = (0.01, 0.08) if key == "truncate" else (0.35, 0.15)
        assert drag(page, key, start, stop) >= 2


def test_zoom_survives_a_drag(app_url, open_page):
    page = open_page(app_url)
    page.evaluate(
        """() => Plotly.relayout(document.querySelector('.live-chart[data-key="profile"] .live-chart-plot'),
                                 {"xaxis.range": [40, 60]})"""
    )
    drag(page, "largest_singular_value", 0.33, 0.5, moves=8)
    settle(page)
    kept = page.evaluate(
        """document.querySelector('.live-chart[data-key="profile"] .live-chart-plot').layout.xaxis.range"""
    )
    assert kept == [40, 60]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(app_url, open_page, theme):
    page = open_page(app_url, theme)
    settle(page)
    faults = Axe().run(page).response["violations"]
    serious = [f for f in faults if f["impact"] in ("serious", "critical")]
    assert not serious, [(f["id"], [n["html"][:200] for n in f["nodes"]]) for f in serious]


def test_an_exploding_pass_is_drawn(app_url, open_page):
    page = open_page(app_url)
    page.locator("[data-testid=stSidebar]").get_by_text("LSTM", exact=True).click()
    page.locator("[data-testid=stSidebar]").get_by_text("GRU", exact=True).click()
    settle(page)
    type_value(page, "largest_singular_value", "3")
    type_value(page, "seq_len", "1000")
    alt = page.locator('.live-chart[data-key="profile"] [role="img"]').get_attribute("aria-label") or ""
    assert "Gradient profile" in alt
    assert "Elman" in alt
