"""The Sweeps page in a real browser: open, change the quantity, click a cell, and what a screen reader would meet."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import resting_box, serious_faults_in_both_themes, settle
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
    choose(page, "Quantity", "spectral norm")
    expect(chart.locator(".gtitle").first).to_contain_text("Spectral norm of W_hh", timeout=30_000)

    picker = page.get_by_role("combobox", name="Sequence length T")
    before = picker.input_value()
    drawn = resting_box(chart.locator(".xy .heatmaplayer").first)
    page.mouse.click(drawn["x"] + drawn["width"] / 6, drawn["y"] + drawn["height"] / 6)  # the first column, topmost row
    expect(page.get_by_role("combobox", name="Largest singular value")).to_have_value("0.5", timeout=30_000)
    expect(picker).to_have_value("30")
    assert before != "30"

    assert not serious_faults_in_both_themes(page)
