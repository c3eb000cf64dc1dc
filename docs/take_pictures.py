"""Take the README's pictures of a running app: `python docs/take_pictures.py http://127.0.0.1:8501`.

The app must have the finished sweep of `sweeps/decay_rate.toml`.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent


def main(url: str) -> None:
    """Write `explore.png` and `sweep.png` beside this file."""
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        opened(page, url)
        page.screenshot(path=HERE / "explore.png")
        opened(page, f"{url}/sweeps?sweep=decay_rate")
        page.locator(".live-chart[data-redraws]").first.screenshot(path=HERE / "sweep.png")
        browser.close()


def opened(page: Page, url: str) -> None:
    """Wait for the page's first picture."""
    page.goto(url)
    page.wait_for_selector(".live-chart[data-redraws]")
    page.wait_for_timeout(3000)


if __name__ == "__main__":
    main(sys.argv[1])
