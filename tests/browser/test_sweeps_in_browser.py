"""The Sweeps page in a real browser: open, change the quantity, click a cell, and what a screen reader would meet."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import press, resting_box, serious_faults_in_both_themes, settle
from playwright.sync_api import Page, expect

from experiments.sweeps.folder import SweepFolder, write_plan
from experiments.sweeps.plan import plan_of
from experiments.sweeps.probes import ensure_probe

SWEEP = """
seeds = 2
[fixed]
hidden_size = 6
batch_size = 4
initialisation = "orthogonal"
dtype = "float64"
[axes]
cell = ["elman", "gru"]
largest_singular_value = [0.5, 1.0, 2.0]
seq_len = [12, 20, 30]
"""


@pytest.fixture
def url(tmp_path: Path, serve_runs: Callable[[Path], str]) -> str:
    """The page Sweeps of a server that has a small finished sweep."""
    runs, plan = tmp_path / "runs", plan_of(SWEEP, "small")
    write_plan(SweepFolder(runs, "small"), plan)
    for run in plan.runs:
        ensure_probe(plan.config(run), runs)
    return f"{serve_runs(runs)}/sweeps"


def choose(page: Page, label: str, option: str) -> None:
    settle(page)
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_sweep_is_opened_redrawn_and_a_cell_clicked(url, open_page):
    page = open_page(url)
    chart = page.locator('.live-chart[data-key="sweep-map-small"]')
    expect(chart.locator(".gtitle").first).to_contain_text("crosses 0", timeout=60_000)
    choose(page, "Quantity", "largest singular value of W_hh")
    expect(chart.locator(".gtitle").first).to_contain_text("Largest singular value of W", timeout=30_000)

    picker = page.get_by_role("combobox", name="Sequence length")
    before = picker.input_value()
    drawn = resting_box(chart.locator(".xy .heatmaplayer").first)
    page.mouse.click(drawn["x"] + drawn["width"] / 6, drawn["y"] + drawn["height"] / 6)  # the first column, topmost row
    expect(page.get_by_role("combobox", name="Largest singular value")).to_have_value("0.5", timeout=30_000)
    expect(picker).to_have_value("30")
    assert before != "30"
    frames = "c => c.querySelector('.live-chart-plot')._fullLayout.shapes.filter(s => s.name === 'chosen').length"
    assert chart.evaluate(frames) == 2, "the chosen cell has a frame"
    expect(page).to_have_url(re.compile("value=largest.*row=30&column=0.5"))
    page.reload()
    expect(chart.locator(".gtitle").first).to_contain_text("Largest singular value of W", timeout=60_000)
    expect(picker).to_have_value("30")
    page.get_by_role("link", name="Learn").click()
    expect(page.get_by_role("heading", name="Learn: predict, do, decide")).to_be_visible(timeout=30_000)
    page.go_back()
    expect(page.get_by_role("combobox", name="Largest singular value")).to_have_value("0.5", timeout=60_000)

    choose(page, "Show", "all runs and what matters")
    lines = page.locator('.live-chart[data-key="sweep-runs-small"]')
    expect(lines.locator(".parcoords .y-axis")).to_have_count(5, timeout=60_000)
    bars = page.locator('.live-chart[data-key="sweep-importance-small"] [role="img"]')
    expect(bars).to_have_attribute("aria-label", re.compile("largest singular value .*, seed"), timeout=60_000)
    expect(page).to_have_url(re.compile("view=all"))
    assert not serious_faults_in_both_themes(page)


def test_a_sweep_is_estimated_started_paused_and_continued_on_the_page(tmp_path, serve_runs, open_page):
    page = open_page(f"{serve_runs(tmp_path / 'runs')}/sweeps")
    lengths = page.get_by_role("textbox", name="Sequence length")
    expect(lengths).to_have_value("25, 50, 100", timeout=60_000)
    lengths.fill("25, far")
    press(page, "Estimate")
    expect(page.get_by_test_id("stAlert").first).to_contain_text(
        "Sequence length was 'far'; it must be", timeout=30_000
    )
    lengths.fill("10, 20")
    press(page, "Estimate")
    expect(page.get_by_text(re.compile("24 runs, 24 left. They will take (about|a second)"))).to_be_visible(
        timeout=60_000
    )
    expect(page).to_have_url(re.compile("new_values=.*10%2C20"))
    page.reload()
    expect(lengths).to_have_value("10, 20", timeout=60_000)
    press(page, "Edit as TOML")
    settle(page)  # for a while the button of the fields stands beside that of the text
    field = page.get_by_role("textbox", name="Sweep, as TOML")
    start = page.get_by_role("button", name="Start sweep")
    expect(start).to_be_disabled(timeout=60_000)
    expect(field).to_have_value(re.compile(r"seq_len = \[10, 20\]"), timeout=30_000)
    field.fill("seeds = 'many'")
    press(page, "Estimate")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("seeds was 'many'", timeout=30_000)
    field.fill(SWEEP.replace("[fixed]", "kind = 'run'\n[fixed]\nsteps = 3000").replace("seeds = 2", "name = 'mine'"))
    press(page, "Estimate")
    estimate = re.compile("18 runs of 3,000 steps, 18 left. They will take (at most )?(about|a second)")
    expect(page.get_by_text(estimate)).to_be_visible(timeout=60_000)
    start.click()
    expect(page.get_by_role("combobox", name="Sweep", exact=True)).to_have_value("mine", timeout=120_000)
    expect(page.get_by_text(re.compile("of 18 runs")).first).to_be_visible(timeout=60_000)
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Continue").click(timeout=60_000)
    pause = page.get_by_role("button", name="Pause")
    pause.click(timeout=60_000)
    expect(page.get_by_text("Pausing after the current steps")).to_be_visible()
    expect(pause).to_be_disabled()
    expect(page.get_by_role("button", name="Continue")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("18 runs: .*not (started|finished)"))).to_be_visible(timeout=30_000)
