"""Train and Runs in a real browser: start, pause, change, reload, resume, stop, open again."""

import re
import time
from pathlib import Path

import pytest
from browsing import settle
from playwright.sync_api import Page, expect

from experiments.runs.control import read_control
from experiments.runs.opening import open_run


@pytest.fixture(scope="module")
def server(tmp_path_factory, serve_runs) -> tuple[str, Path]:
    """A server with a folder of runs of its own."""
    runs = tmp_path_factory.mktemp("train") / "runs"
    return serve_runs(runs), runs


def press(page: Page, name: str) -> None:
    """Click a button of this name that the page still has: one that is about to go does nothing."""
    button = page.locator("[data-stale=false]").get_by_role("button", name=name, exact=True).last
    expect(button).to_be_enabled(timeout=60_000)
    button.click()


def wait_for(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def threshold_wanted(run: Path) -> float | None:
    control = read_control(run)
    return control and control.clip_threshold


def test_a_run_from_start_to_its_link(server, open_page):
    url, runs = server
    page = open_page(f"{url}/train", viewport={"width": 1280, "height": 1400})
    press(page, "Start")
    wait_for(lambda: len([*runs.glob("[!.]*/progress.json")]) == 2)  # hidden folders are being made
    names = sorted(progress.parent.name for progress in runs.glob("[!.]*/progress.json"))
    wait_for(lambda: all(open_run(runs / name).progress.step > 100 for name in names))
    press(page, "Pause")
    wait_for(lambda: all(open_run(runs / name).status == "paused" for name in names))

    threshold = page.get_by_label(re.compile("New clip threshold"))
    threshold.fill("0.5")
    threshold.press("Enter")
    wait_for(lambda: 0.5 in [threshold_wanted(runs / name) for name in names])
    page.reload()
    expect(page.get_by_text(names[0]).first).to_be_visible(timeout=30_000)
    assert all(open_run(runs / name).status == "paused" for name in names), "closing the page stops nothing"

    before = max(open_run(runs / name).progress.step for name in names)
    press(page, "Resume")
    wait_for(lambda: min(open_run(runs / name).progress.step for name in names) > before + 50)
    press(page, "Stop")
    wait_for(lambda: all(open_run(runs / name).status == "interrupted" for name in names))
    events = [event for name in names for event in open_run(runs / name).events()]
    assert {"paused", "resumed", "clip_threshold", "ended"} <= {event["kind"] for event in events}
    assert next(e for e in events if e["kind"] == "clip_threshold")["new"] == 0.5

    verdicts = page.get_by_test_id("stMarkdown").filter(has_text=re.compile("clipped at .*: .*a guess has"))
    expect(verdicts.first).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Resume")).to_be_enabled(timeout=30_000)
    settle(page)
    expect(verdicts).to_have_count(1)  # what stood below the words of the stop is not seen twice
    address = page.url
    hidden = page.get_by_role("spinbutton", name="Hidden units")
    hidden.fill("51")
    hidden.press("Enter")
    expect(page).to_have_url(re.compile("hidden_size=51"), timeout=30_000)
    press(page, "New run")
    expect(page).not_to_have_url(re.compile("runs="), timeout=30_000)
    page.goto(address)
    expect(page.get_by_text(names[0]).first).to_be_visible(timeout=30_000)
    expect(hidden).to_have_value("50", timeout=30_000)  # as the watched run has it

    page.goto(f"{url}/runs?run={names[0]}")
    chart = page.locator(f'.live-chart[data-key="scrub-profile-{names[0]}"][data-redraws]')
    expect(chart).to_be_visible(timeout=30_000)
    other = open_page(page.url)
    expect(other.locator(f'.live-chart[data-key="scrub-profile-{names[0]}"]')).to_be_visible(timeout=30_000)
    both = open_page(f"{url}/runs?run={','.join(names)}")
    expect(both.locator('.live-chart[data-key^="laid-over-"][data-redraws]')).to_be_visible(timeout=30_000)


def test_a_link_to_no_run_or_to_a_path_is_one_sentence(server, open_page):
    url, runs = server
    (runs / "other").mkdir(parents=True, exist_ok=True)
    for name in ("nosuchrun", "../../etc", "other"):
        page = open_page(f"{url}/runs?run={name}")
        expect(page.get_by_test_id("stAlert").first).to_be_visible(timeout=30_000)
        assert "Traceback" not in page.content()
