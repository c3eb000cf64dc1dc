"""What a reader takes away from Explore: Python that prints the page's numbers, a page that stands alone, pictures."""

import html
import io
import json
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browsing import ROOT, press, settle
from exploring import eventually, line, shows
from PIL import Image
from playwright.sync_api import Page

from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe

QUERY = "?cells=elman&hidden_size=8&seq_len=20&singular_values=1,0.5,0.5,0.5,0.5,0.5,0.5,2&largest_singular_value=2"
EXPECTED = RunConfig(
    cell="elman", hidden_size=8, seq_len=20, singular_values="1,0.5,0.5,0.5,0.5,0.5,0.5,2",
    largest_singular_value=2.0, forget_bias=0.0,
)  # fmt: skip


def test_the_snippet_prints_the_numbers_of_the_page(explore):
    page = explore(QUERY)
    press(page, "Link and Python")
    code = page.locator("[data-testid='stCode']").nth(1)
    code.wait_for()
    said = subprocess.run(
        [sys.executable, "-c", code.inner_text()], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert said.returncode == 0, said.stderr
    first, second = said.stdout.splitlines()
    printed = np.array([float(word) for word in second.strip("[]").split(",")])
    drawn = np.array(line(page, "Elman"))
    np.testing.assert_allclose(drawn, printed / np.log(10), atol=1e-5)
    assert first.split()[0] == "elman"
    assert f"{float(first.split()[1]):.3g}" in page.locator(".live-lab").inner_text()


def test_the_link_opens_the_page_as_it_is(explore, open_page):
    page = explore(QUERY)
    press(page, "Link and Python")
    link = page.locator("[data-testid='stCode']").first
    link.wait_for()
    other = open_page(link.inner_text().strip())
    other.wait_for_selector('.live-chart[data-key="profile"][data-redraws]', timeout=60_000)
    assert eventually(other, lambda: shows(other, {"elman": probe(EXPECTED)}))
    page.locator('.live-slider[data-key="largest_singular_value"] .range').focus()
    page.keyboard.press("ArrowLeft")
    link.wait_for(state="detached")  # it was of other settings


def test_the_web_page_stands_alone_and_shows_the_same_profile(explore, browser, tmp_path):
    page = explore(QUERY)
    with page.expect_download() as download:
        press(page, "Web page")
    file = tmp_path / "explore.html"
    download.value.save_as(file)
    alone = browser.new_context(offline=True).new_page()
    alone.goto(file.as_uri())
    alone.wait_for_selector(".main-svg")
    drawn = alone.evaluate(
        "[...document.querySelector('.js-plotly-plot')._fullData.find(trace => trace.name === 'Elman').y]"
    )
    assert drawn == pytest.approx(line(page, "Elman"), abs=1e-6)
    wide = lines_of_titles(alone)
    alone.set_viewport_size({"width": 390, "height": 800})
    assert eventually(alone, lambda: lines_of_titles(alone) > wide and charts_are_whole(alone))
    alone.context.close()


def lines_of_titles(page: Page) -> int:
    """Of all charts of a page, in sum."""
    return page.locator(".js-plotly-plot .gtitle").evaluate_all(
        "titles => titles.reduce((sum, title) => sum + Math.max(1, title.querySelectorAll('.line').length), 0)"
    )


def charts_are_whole(page: Page) -> bool:
    """Whether no title is cut, and no chart stands on the words below it."""
    return page.locator(".js-plotly-plot").evaluate_all("""charts => charts.every(chart => {
        const [box, title] = [chart, chart.querySelector(".gtitle")].map(part => part.getBoundingClientRect());
        const words = chart.closest("figure").querySelector("figcaption").getBoundingClientRect();
        const within = title.left >= box.left && title.right <= box.right && title.top >= box.top;
        return within && chart.querySelector(".main-svg").getBoundingClientRect().bottom <= words.top + 1;
    })""")


@pytest.fixture(scope="module")
def saved(app_url, profile, tmp_path_factory) -> dict[str, bytes]:
    """What the buttons of one page save: a chart as PNG and SVG, its numbers, and the zip of all figures."""
    page = profile.new_page()
    page.goto(f"{app_url}/?cells=gru&hidden_size=8&seq_len=12&panel=Gates")
    chart = page.locator('.live-chart[data-key="profile"][data-redraws]')
    chart.wait_for(timeout=60_000)
    settle(page)
    files = {"link": page.url.encode()}

    def save(name: str, click: Callable[[], None]) -> None:
        with page.expect_download(timeout=60_000) as download:
            click()
        files[name] = Path(download.value.path()).read_bytes()

    chart.hover()
    for kind in ("PNG", "SVG"):
        save(kind, chart.locator(f'[data-title="Download as {kind}"]').click)
    for kind in ("CSV", "JSON"):
        save(kind, page.get_by_role("button", name=kind, exact=True).first.click)
    save("zip", page.get_by_role("button", name="All figures").click)
    page.close()
    return files


def test_every_download_carries_its_link_and_its_settings(saved):
    link = saved["link"].decode()
    assert saved["PNG"].startswith(b"\x89PNG")
    picture = Image.open(io.BytesIO(saved["PNG"]))
    assert picture.text["Source"] == link
    assert "Hidden units: 8" in picture.text["Settings"]
    assert "GRU" in picture.text["Description"]
    assert saved["SVG"].startswith(b"<svg")
    assert link in html.unescape(saved["SVG"].decode())
    assert "Hidden units: 8" in saved["SVG"].decode()
    head, *_ = saved["CSV"].decode().partition("\nt,")
    assert link in head
    assert "Hidden units: 8" in head
    numbers = json.loads(saved["JSON"])
    assert numbers["link"] == link
    assert numbers["settings"]["Sequence length"] == "12"
    assert len(numbers["columns"]["t"]) == 12


def test_all_figures_are_one_zip_with_pictures_numbers_settings_and_the_snippet(saved):
    files = zipfile.ZipFile(io.BytesIO(saved["zip"]))
    assert files.testzip() is None
    names = files.namelist()
    charts = {name.removesuffix(".csv") for name in names if name.endswith(".csv")}
    assert {"profile"} < charts
    assert {f"{chart}.{kind}" for chart in charts for kind in ("csv", "png", "svg")} <= {*names}
    assert files.read("profile.csv") == saved["CSV"]
    settings = tomllib.loads(files.read("settings.toml").decode())
    assert settings["link"] == saved["link"].decode()
    assert settings["settings"]["Hidden units"] == "8"
    assert b"gfl.probe(gfl.RunConfig(" in files.read("snippet.py")
