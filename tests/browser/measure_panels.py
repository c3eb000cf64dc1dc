"""How long each panel of Explore takes to appear, and to show what a drag has set once the hand lets go.

Run by `make measure-panels`: starts the app, opens it in headless Chromium at its first preset (three cells, T = 100,
H = 64), chooses one panel after the other, and drags the largest singular value for two seconds while it is seen.
"""

import os
import tempfile
import time
from pathlib import Path

from browsing import serve_app
from playwright.sync_api import Page, sync_playwright

from dashboard.explore.settings import DIAGNOSIS, PANEL_NAMES

SECONDS = 2.0
QUIET_MS = 3000
"""After so long without a redraw, and with the page at rest, the last redraw was the last one."""

WATCH = """() => {
    window.drawn = performance.now();
    window.observer?.disconnect();
    window.observer = new MutationObserver(() => (window.drawn = performance.now()));
    const main = document.querySelector('[data-testid=stMain]');
    window.observer.observe(main, {subtree: true, attributes: true, attributeFilter: ["data-redraws"]});
    return performance.now();
}"""
RESTS = f"""() => performance.now() - window.drawn > {QUIET_MS}
    && document.querySelector("[data-test-script-state='notRunning']") !== null"""


def main() -> None:
    """Print one line a panel."""
    with tempfile.TemporaryDirectory() as folder:
        server, url = serve_app(Path(folder), Path(folder) / "log")
        try:
            with sync_playwright() as playwright:
                chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                page = browser.new_page(viewport={"width": 1280, "height": 1400})
                page.goto(url)
                page.wait_for_selector('.live-chart[data-key="profile"][data-redraws]')
                page.evaluate(WATCH)
                page.wait_for_function(RESTS, timeout=120_000)
                for k, name in enumerate(PANEL_NAMES):
                    if name != DIAGNOSIS:  # which has no charts
                        seconds = appears(page, name), after_a_drag(page, k)
                        print(f"{name:20} appears {seconds[0]:5.1f} s, after a drag {seconds[1]:5.1f} s")
                browser.close()
        finally:
            server.terminate()
            server.wait()


def appears(page: Page, name: str) -> float:
    """Seconds from the click to the panel's last chart."""
    begin = page.evaluate(WATCH)
    page.get_by_role("radio", name=name, exact=True).click()
    page.wait_for_function(RESTS, timeout=120_000)
    return (page.evaluate("window.drawn") - begin) / 1000


def after_a_drag(page: Page, number: int) -> float:
    """Seconds from the release to the last chart that is drawn; each drag ends at a value of its own."""
    box = page.locator('.live-slider[data-key="largest_singular_value"] .range').bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.33 * box["width"], y)
    page.mouse.down()
    begin = time.monotonic()
    while (done := (time.monotonic() - begin) / SECONDS) < 1:
        page.mouse.move(box["x"] + (0.33 + (0.05 + 0.01 * number) * done) * box["width"], y)
        time.sleep(0.03)
    page.mouse.up()
    released = page.evaluate(WATCH)
    page.wait_for_function(RESTS, timeout=120_000)
    return (page.evaluate("window.drawn") - released) / 1000


if __name__ == "__main__":
    main()
