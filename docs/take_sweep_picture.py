"""Draw the README's picture of the first sweep: `python docs/take_sweep_picture.py runs`, once it has run."""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from dashboard.sweep_pictures import picture
from experiments.sweeps.compare import compare
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.index import load_results

HERE = Path(__file__).parent
WIDTH = 1280


def main(runs: Path) -> None:
    """Write `sweep.png` beside this file."""
    results = load_results(SweepFolder(runs, "decay_rate"))
    show = results.plan.show
    drawn = picture(results.plan, compare(results, show["rows"], show["columns"], show["value"])).figure
    drawn.update_layout(width=WIDTH, paper_bgcolor="white")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "sweep.html"
        drawn.write_html(page_file, config={"staticPlot": True})
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH + 16, "height": 900})
        page.goto(page_file.as_uri())
        page.wait_for_selector(".main-svg")
        page.locator(".plot-container").first.screenshot(path=HERE / "sweep.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
