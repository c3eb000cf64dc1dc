"""How fast the page follows the hand: redraws a second during a drag, and the delay from a move to its picture.

Run by `make measure-drag`: starts the app, opens it in headless Chromium, and drags the largest singular value of three
cells at T = 200, H = 64, batch 16.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from browsing import KNOW_WHAT_WAITS, settle
from playwright.sync_api import Page, ViewportSize, sync_playwright
from unwatched import PICTURE, UnwatchedBrowser, unwatched_browser

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 8.0
MOVES_A_SECOND = 30
WINDOW: ViewportSize = {"width": 1280, "height": 900}

WATCH = """() => {
    const chart = document.querySelector('.live-chart[data-key="profile"]');
    window.redrawn = [];
    new MutationObserver(() => window.redrawn.push(performance.now()))
        .observe(chart, {attributes: true, attributeFilter: ["data-redraws"]});
    window.moved = [];
    document.addEventListener("input", () => window.moved.push(performance.now()), true);
}"""
"""When the picture was drawn anew, and when a move changed the value; one within a step of the slider does not."""


def main() -> None:
    """Print the figures."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with TemporaryDirectory() as folder:
        first = Path(folder, "first")
        with unwatched_browser(first) as browser:
            started = time.monotonic()
            server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_until_healthy(url)
                cold = time.monotonic() - started + browser.first_picture(url)
                print(f"first picture, from a cold start of the server: {cold:.1f} s")
                measure(url, Path(folder), browser)
            finally:
                server.terminate()
                server.wait()


def measure(url: str, folder: Path, known: UnwatchedBrowser) -> None:
    """Print the figures of a warm server; a browser keeps the scripts, compiled, from the third visit on."""
    again = [known.first_picture(url) for _ in range(6)][3:]
    print(f"first picture, from a warm server, in a browser that was here before: {np.median(again):.1f} s")
    new = []
    for k in range(3):
        with unwatched_browser(folder / str(k)) as browser:
            new.append(browser.first_picture(url))
    print(f"first picture, from a warm server, in a browser that was never here: {np.median(new):.1f} s")
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        look = {"executable_path": chromium, "args": ["--no-sandbox", "--disable-gpu"]}
        context = playwright.chromium.launch_persistent_context(folder / "drag", viewport=WINDOW, **look)
        context.add_init_script(KNOW_WHAT_WAITS)
        page = context.new_page()
        page.goto(f"{url}/?seq_len=200")
        page.wait_for_selector(PICTURE)
        settle(page)
        drag(page)
        context.close()


def wait_until_healthy(url: str) -> None:
    """Return once the server answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("The server did not start within 30 s.")


def drag(page: Page) -> None:
    """Drag to and fro for some seconds, and print what the browser saw."""
    box = page.locator('.live-slider[data-key="largest_singular_value"] .range').bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.evaluate(WATCH)
    page.mouse.move(box["x"] + box["width"] / 3, y)
    page.mouse.down()
    moves = int(SECONDS * MOVES_A_SECOND)
    begin = time.monotonic()
    for k in range(moves):
        fraction = 1 / 3 + 0.25 * np.sin(2 * np.pi * k / moves * 2)
        page.mouse.move(box["x"] + float(fraction) * box["width"], y)
        time.sleep(max(0.0, begin + (k + 1) / MOVES_A_SECOND - time.monotonic()))
    took = time.monotonic() - begin
    page.mouse.up()
    redrawn = np.array(page.evaluate("window.redrawn"))
    moved = np.array(page.evaluate("window.moved"))
    page.wait_for_timeout(1000)
    after = np.searchsorted(redrawn, moved, side="right")
    delay = redrawn[after[after < len(redrawn)]] - moved[after < len(redrawn)]
    print(f"moves: {moves} in {took:.1f} s, of which {len(moved)} changed the value")
    print(f"redraws a second during the drag: {len(redrawn) / took:.1f} ({len(redrawn)} of {len(moved)} values)")
    middle, most = np.quantile(delay, [0.5, 0.95])
    print(f"from a move to the next redraw: median {middle:.0f} ms, 95 of 100 within {most:.0f} ms")


if __name__ == "__main__":
    main()
