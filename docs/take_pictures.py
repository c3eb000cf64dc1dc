"""Take the README's pictures of a running app: `python docs/take_pictures.py http://127.0.0.1:8501`."""

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent


def main(url: str) -> None:
    """Write `explore.png` beside this file."""
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.wait_for_selector(".live-chart[data-redraws]")
        page.wait_for_timeout(3000)
        page.screenshot(path=HERE / "explore.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
