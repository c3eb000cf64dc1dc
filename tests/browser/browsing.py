"""What every test in a browser does: start the app, wait until a page is at rest, look for faults of accessibility."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Error, FloatRect, Locator, Page, ViewportSize

if TYPE_CHECKING:
    from forking import Program

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, server: "Program", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"The server at {url} did not start:\n{log.read_text(errors='replace')}")


def serve_app(runs: Path, log: Path, **switches: str) -> tuple["subprocess.Popen[bytes]", str]:
    """The app on a server of its own, with this folder of runs and these start-up switches, and its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with log.open("wb") as out:
        environment = {**os.environ, "GRADIENT_FLOW_RUNS": str(runs), **switches}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}"
    wait_until_healthy(url, server, log)
    return server, url


KNOW_WHAT_WAITS = """(() => {
    const waiting = new Set(), asked = new Map();
    const { setTimeout: start, clearTimeout: stop, WebSocket: Socket } = window;
    window.setTimeout = (call, delay, ...words) => {
        if (!(delay >= 100 && delay <= 400)) return start(call, delay, ...words);
        const id = start((...given) => { waiting.delete(id); call(...given); }, delay, ...words);
        waiting.add(id);
        return id;
    };
    window.clearTimeout = id => { waiting.delete(id); stop(id); };
    window.WebSocket = class extends Socket {
        constructor(...where) {
            super(...where);
            for (const kind of ["message", "close"]) this.addEventListener(kind, () => asked.delete(this));
        }
        send(message) {
            asked.set(this, performance.now());
            super.send(message);
        }
    };
    const isLost = since => performance.now() - since > 3000; // what the server has no answer to
    window.nothingWaits = () => waiting.size === 0 && [...asked.values()].every(isLost);
})()"""
"""A script for every page: it then knows whether a timer of 0.1 to 0.4 s runs, with which the app waits for the end of
what keys and drags do before it sends that to the server, and whether the server owes an answer."""

RESTS = 4
"""How often in a row, each time 50 ms later, the same is seen before a hand takes it: a page makes room once drawn."""

SETTLED = """async ([rests, seconds]) => {
    const look = () => {
        const app = document.querySelector('[data-testid=stApp]');
        if (app?.dataset.testScriptState !== 'notRunning' || !window.nothingWaits()) return null;
        const drawn = [...document.querySelectorAll('[data-redraws]')].map(chart => chart.dataset.redraws);
        return [document.querySelector('[data-testid=stMain]')?.scrollHeight, ...drawn].join();
    };
    let seen = look(), times = 0;
    for (const end = performance.now() + 1000 * seconds; seen === null || times < rests;) {
        if (performance.now() > end) return false;
        await new Promise(go => setTimeout(go, 50));
        const now = look();
        times = now === seen ? times + 1 : 0;
        seen = now;
    }
    return true;
}"""
"""Looks, in the page, at what changes while it is made, its height and its charts, until that rests; nothing is at rest
while its script runs. A question from here each 50 ms would cost as much as a tenth of the page."""


def settle(page: Page) -> None:
    """Wait until the script has run, and nothing on the page has grown or been drawn since for a while."""
    for last in (False, True):
        try:
            assert page.evaluate(SETTLED, [RESTS, 60.0]), "the page is not there, or never comes to rest"
            return
        except Error as error:  # the page that was asked has given way to another
            if last or "navigation" not in error.message:
                raise


BOX = """([thing]) => {
    if (!thing || !window.nothingWaits()) return null;
    const { x, y, width, height } = thing.getBoundingClientRect();
    return width || height ? { x, y, width, height } : null;
}"""


def resting_box(thing: Locator, seconds: float = 30.0) -> FloatRect:
    """Where a thing is in the window, once it is there and has stopped moving."""
    deadline = time.monotonic() + seconds
    seen, times = None, 0
    while seen is None or times < RESTS:
        assert time.monotonic() < deadline, f"{thing} is not there, or never comes to rest"
        thing.page.wait_for_timeout(50)
        now = thing.evaluate_all(BOX)
        times = times + 1 if now == seen else 0
        seen = now
    return seen


Theme = Literal["light", "dark"]
WINDOW: ViewportSize = {"width": 1280, "height": 900}


def open_beside(
    opener: Page, url: str, theme: Theme = "light", viewport: ViewportSize = WINDOW, *, settled: bool = True
) -> Page:
    """A new page, in the process of another one."""
    with opener.expect_popup() as opened:
        opener.evaluate("() => { window.open('about:blank'); }")
    page = opened.value
    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto(url)
    if settled:
        settle(page)
    return page


def press(page: Page, name: str) -> None:
    """Click a button of this name once the page has settled: one that moves under the hand loses its click."""
    settle(page)
    page.get_by_role("button", name=name, exact=True).click()


Fault = tuple[str, list[str]]
"""Axe's name of it, and the first places where it is."""

OF_COLOURS = ("color-contrast", "link-in-text-block")
"""Axe's rules that look at colours."""

FINISHED = """Promise.allSettled(
    document.getAnimations().filter(a => a.effect.getTiming().iterations < 9).map(a => a.finished)
)"""


def serious_faults_in_both_themes(page: Page) -> list[Fault]:
    """The same of the page as it is, and of its colours, all that differs, for those who prefer the other theme."""
    faults = serious_faults(page)
    colour = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    before = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => {colour} !== before", arg=before)
    page.wait_for_timeout(200)  # charts are drawn anew
    return faults + serious_faults(page, OF_COLOURS)


def serious_faults(page: Page, rules: Sequence[str] = ()) -> list[Fault]:
    """What axe calls serious or critical and is still there a while later, with the first of its places.

    Streamlit dims what it is about to write anew: a fault of contrast that passes.

    Args:
        rules: the names of axe's rules; none are all.
    """
    settle(page)
    # A colour on its way from one state to another is neither.
    page.evaluate(FINISHED)
    faults = looked_at(page, rules)
    if faults:
        page.wait_for_timeout(2000)
        settle(page)
        faults = looked_at(page, rules)
    return faults


def looked_at(page: Page, rules: Sequence[str]) -> list[Fault]:
    """Axe's serious and critical faults of the page as it is at this moment."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], **({"runOnly": [*rules]} if rules else {})}
    faults = page.evaluate("options => axe.run(options).then(result => result.violations)", options)
    return [
        (f["id"], [n["html"][:200] for n in f["nodes"]][:3]) for f in faults if f["impact"] in ("serious", "critical")
    ]
