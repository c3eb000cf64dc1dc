"""Runs in a real browser: the profile follows the hand without the server, and axe finds no serious fault."""

import re
from pathlib import Path

import numpy as np
import pytest
from access import faults_of_access
from browsing import press, resting_box, serious_faults_in_both_themes, settle
from playwright.sync_api import Locator, Page, expect

from analysis.figures.headline import title_of_step
from experiments.config.run_config import RunConfig
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train

SETTINGS = {"task": "adding", "seq_len": 20, "hidden_size": 8, "batch_size": 8, "steps": 60, "record_every": 2}


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[RunReader]:
    """A run of a gated cell and one of another, in one folder of runs."""
    runs: Path = tmp_path_factory.mktemp("runs")
    configs = [RunConfig.from_values({**SETTINGS, "cell": cell}) for cell in ("lstm", "elman")]
    folders = [runs / config.identity() for config in configs]
    train([Recorder.start(config, folder) for config, folder in zip(configs, folders, strict=True)])
    return [open_run(folder) for folder in folders]


@pytest.fixture(scope="session")
def runs_url(serve_runs, recorded) -> str:
    return serve_runs(recorded[0].folder.parent)


def profile_of(page: Page, run: RunReader) -> Locator:
    return page.locator(f'.live-chart[data-key="scrub-profile-{run.name}"][data-redraws]')


def median(chart: Locator) -> list[float]:
    """The y values that the browser draws now."""
    return chart.evaluate(
        "c => Array.from(c.querySelector('.live-chart-plot')._fullData.find(t => t.name === 'LSTM').y)"
    )


def test_the_profile_follows_the_hand_without_the_server_and_the_rest_when_it_lets_go(runs_url, open_page, recorded):
    run = recorded[0]
    sent: list[object] = []
    page = open_page("about:blank", settled=False)
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.goto(f"{runs_url}/runs?run={run.name}")
    chart, slider = profile_of(page, run), page.locator(".scrub-slider .range")
    expect(chart).to_be_visible(timeout=60_000)
    expect(slider).to_be_visible()
    expect(page.locator("[data-testid='stApp']")).to_have_attribute("data-test-script-state", "notRunning")
    truth = run.tensor("log_norm_quantile")[:, -1, :, 1] / np.log(10)
    assert median(chart) == pytest.approx(truth[-1].tolist(), abs=1e-4), "it opens at the latest step"
    alt = chart.locator('[role="img"]')
    before, words = len(sent), alt.get_attribute("aria-label")

    box = resting_box(slider)
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 9, y)
    page.mouse.down()
    for k in range(1, 11):
        page.mouse.move(box["x"] + 9 + (box["width"] - 18) * k / 20, y)
    frame = int(slider.input_value())
    assert 10 < frame < 20
    expect(page.locator(".scrub-slider output")).to_have_text(f"optimiser step {2 * frame + 1} of 60")
    page.wait_for_function(
        """([key, y]) => {
            const plot = document.querySelector(`.live-chart[data-key="${key}"] .live-chart-plot`);
            return Math.abs(plot._fullData.find(t => t.name === 'LSTM').y[0] - y) < 1e-4;
        }""",
        arg=[f"scrub-profile-{run.name}", float(truth[frame, 0])],
    )
    assert median(chart) == pytest.approx(truth[frame].tolist(), abs=1e-4)
    title = title_of_step(truth[frame] * np.log(10), reverse=False)
    expect(chart.locator(".gtitle")).to_have_text(title)
    assert len(sent) == before, "the server was not asked"
    page.mouse.up()
    expect(alt).not_to_have_attribute("aria-label", str(words), timeout=30_000)
    assert median(chart) == pytest.approx(truth[frame].tolist(), abs=1e-4)
    expect(chart.locator(".gtitle")).to_have_text(title)
    expect(page.locator(f'.live-chart[data-key="scrub-hidden-lstm-{run.name}"]')).to_be_attached()
    page.get_by_role("radio", name="Jacobians").click()
    expect(page.locator(f'.live-chart[data-key="scrub-jacobians-lstm-{run.name}"]')).to_be_attached(timeout=60_000)
    assert slider.input_value() == str(frame), "another panel is of the same step"
    picture = page.locator(f'.live-chart[data-key="scrub-jacobians-lstm-{run.name}"]')
    for width, height in ((1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        picture.evaluate("picture => picture.scrollIntoView({block: 'end'})")
        scrubber, driven = resting_box(page.locator(".st-key-step-in-sight")), resting_box(picture)
        assert 50 <= scrubber["y"] < 70, "the slider stays below the pages' names"
        assert driven["y"] > scrubber["y"] + scrubber["height"], "it covers no part of a whole picture"


def test_axe_finds_no_serious_fault_on_a_run(runs_url, open_page, recorded):
    page = open_page(f"{runs_url}/runs?run={recorded[0].name}", viewport={"width": 1280, "height": 2000})
    finds_no_fault(page)


def finds_no_fault(page: Page) -> None:
    """Once its charts are there."""
    expect(page.locator('.live-chart[data-key="runs-loss"]')).to_be_attached(timeout=60_000)
    expect(page.locator(".live-chart[data-redraws]").first).to_be_visible(timeout=60_000)
    assert not faults_of_access(page)
    assert not serious_faults_in_both_themes(page)


@pytest.mark.parametrize("idle", [True, False])
def test_axe_finds_no_serious_fault_on_train(runs_url, open_page, recorded, idle):
    names = ",".join(run.name for run in recorded)
    page = open_page(f"{runs_url}/train" + ("" if idle else f"?runs={names}"))
    if idle:
        expect(page.get_by_role("button", name="Start", exact=True).last).to_be_enabled(timeout=60_000)
    else:
        expect(page.locator(".live-chart[data-redraws]").first).to_be_visible(timeout=60_000)
    assert not serious_faults_in_both_themes(page)


def test_what_the_network_says_follows_the_recorded_step(tmp_path, serve_runs, open_page):
    config = RunConfig(
        task="next_character", seq_len=10, hidden_size=16, batch_size=4, steps=81, record_every=80,
        optimiser="adam", learning_rate=0.03,
    )  # fmt: skip
    train([Recorder.start(config, tmp_path / config.identity())])
    page = open_page(f"{serve_runs(tmp_path)}/runs?run={config.identity()}", viewport={"width": 1280, "height": 1600})
    slider = page.locator(".scrub-slider .range")
    slider.focus()
    slider.press("Home")
    expect(page.locator(".said .wrong").first).to_be_visible(timeout=60_000)
    slider.press("End")
    expect(page.get_by_text("10 of 10 answers are right")).to_be_visible(timeout=60_000)
    expect(page.locator(".said .wrong")).to_have_count(0)
    expect(page.get_by_text("ellohellohello").first).to_be_visible()
    page.get_by_text("Show how it learned").click()
    expect(page.locator("[data-testid=stDataFrame]").last).to_be_visible()
    assert not serious_faults_in_both_themes(page)


def test_runs_side_by_side_keep_their_state_and_a_search_drops_none(runs_url, open_page, recorded):
    names = [run.name for run in recorded]
    page = open_page(f"{runs_url}/runs?run={','.join(names)}", viewport={"width": 1280, "height": 2000})
    finds_no_fault(page)
    slider = page.locator(".scrub-slider .range")
    expect(slider).to_be_visible(timeout=60_000)
    expect(page.locator(".scrub-slider output")).to_have_text("optimiser step 59")
    title = page.locator('.live-chart[data-key^="laid-over"] .gtitle')
    last = title.text_content()
    assert re.fullmatch(r"Gradient at lag 19 ÷ at the loss: .* \(.*\) to .* \(.*\)", str(last))
    slider.focus()
    slider.press("Home")
    expect(title).not_to_have_text(last)
    expect(page).to_have_url(re.compile("step=1(&|$)"), timeout=30_000)
    page.get_by_role("textbox", name="Search").fill("lstm")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page).to_have_url(re.compile("search=lstm"), timeout=30_000)
    expect(page.get_by_text("The search hides 1 of the 2 selected runs.")).to_be_visible()
    page.reload()
    expect(page.locator(".scrub-slider output")).to_have_text("optimiser step 1", timeout=60_000)
    verdicts = page.get_by_test_id("stMarkdown").filter(has_text=re.compile("LSTM.*: (learning|at chance|worse)"))
    expect(verdicts.first).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 3600})
    settle(page)
    room = page.locator(".live-chart[data-redraws]").evaluate_all(
        "all => all.map(c => [c.dataset.key, c.querySelector('.live-chart-plot')._fullLayout._size.h, "
        "c.getBoundingClientRect().bottom - c.parentElement.getBoundingClientRect().bottom])"
    )
    assert len(room) >= 6
    assert all(height > 110 and below <= 1 for _, height, below in room), room  # a legend takes no chart's place
    page.get_by_role("link", name="Sweeps").click()
    expect(page.get_by_role("heading", name="Sweeps")).to_be_visible(timeout=30_000)
    page.go_back()
    expect(page.locator(".scrub-slider output")).to_have_text("optimiser step 1", timeout=60_000)
    press(page, "New run with these settings")
    expect(page.get_by_role("spinbutton", name="Hidden units")).to_have_value("8", timeout=30_000)
    expect(page.get_by_text("Second cell")).to_be_visible()
