"""The Sweeps page in a real browser: open, change the quantity, click a cell, and what a screen reader would meet."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT, _free_port, _wait_until_healthy
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
def url(tmp_path: Path) -> Iterator[str]:
    """A server that shows a small finished sweep."""
    runs, plan = tmp_path / "runs", plan_of(SWEEP, "small")
    write_plan(SweepFolder(runs, "small"), plan)
    for run in plan.runs:
        ensure_probe(plan.config(run), runs)
    port, log = _free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "GRADIENT_FLOW_RUNS": str(runs)}, stdout=out, stderr=out
        )
    _wait_until_healthy(f"http://127.0.0.1:{port}", process, log)
    yield f"http://127.0.0.1:{port}/sweeps"
    process.terminate()
    process.wait(timeout=10)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_sweep_is_opened_redrawn_and_a_cell_clicked(url, open_page):
    page = open_page(url)
    chart = page.locator(".stPlotlyChart").first
    expect(chart.locator(".gtitle").first).to_contain_text("crosses 0", timeout=60_000)
    choose(page, "Quantity", "spectral norm")
    expect(chart.locator(".gtitle").first).to_contain_text("Spectral norm of W_hh", timeout=30_000)

    picker = page.get_by_role("combobox", name="Sequence length T")
    before = picker.input_value()
    drawn = chart.locator(".xy .heatmaplayer").first.bounding_box()
    assert drawn is not None
    page.mouse.click(drawn["x"] + drawn["width"] / 6, drawn["y"] + drawn["height"] / 6)  # the first column, topmost row
    expect(page.get_by_role("combobox", name="Largest singular value")).to_have_value("0.5", timeout=30_000)
    expect(picker).to_have_value("30")
    assert before != "30"

    found = Axe().run(page).response["violations"]
    serious = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]
    assert serious == []
