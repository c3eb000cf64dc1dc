"""What every test in a browser does: start the app, wait until a page is at rest, look for faults of accessibility."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Error, FloatRect, Locator, Page, ViewportSize

if TYPE_CHECKING:
    from forking import Copy

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, server: "subprocess.Popen[bytes] | Copy", log: Path) -> None:
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


RESTS = 0.5
"""Seconds for which nothing has changed before a hand takes it: a page that has just loaded still makes room, and what
keys and drags have set is sent to the server only once they rest."""

Seen = TypeVar("Seen")


def at_rest(page: Page, look: Callable[[], Seen], seconds: float, what: str) -> Seen:
    """What is seen, once the same has been seen for a while; what is not there or not ready is None."""
    deadline = time.monotonic() + seconds
    seen, since = look(), time.monotonic()
    while seen is None or time.monotonic() - since < RESTS:
        assert time.monotonic() < deadline, f"{what} is not there, or never comes to rest"
        page.wait_for_timeout(50)
        if (now := look()) != seen:
            seen, since = now, time.monotonic()
    return seen


SETTLED = """async ([rests, seconds]) => {
    const look = () => {
        const app = document.querySelector('[data-testid=stApp]');
        if (app?.dataset.testScriptState !== 'notRunning') return null;
        const drawn = [...document.querySelectorAll('[data-redraws]')].map(chart => chart.dataset.redraws);
        return [document.querySelector('[data-testid=stMain]')?.scrollHeight, ...drawn].join();
    };
    let seen = look(), since = performance.now();
    for (const end = since + 1000 * seconds; seen === null || performance.now() - since < 1000 * rests;) {
        if (performance.now() > end) return false;
        await new Promise(go => setTimeout(go, 50));
        const now = look();
        if (now !== seen) [seen, since] = [now, performance.now()];
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


def resting_box(thing: Locator, seconds: float = 30.0) -> FloatRect:
    """Where a thing is in the window, once it is there and has stopped moving."""
    return at_rest(thing.page, thing.bounding_box, seconds, str(thing))


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


FINISHED = """Promise.allSettled(
    document.getAnimations().filter(a => a.effect.getTiming().iterations < 9).map(a => a.finished)
)"""


def serious_faults_in_both_themes(page: Page) -> list[tuple[str, list[str]]]:
    """The same of the page as it is, and as it is for those who prefer the other theme."""
    faults = serious_faults(page)
    colour = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    before = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => {colour} !== before", arg=before)
    page.wait_for_timeout(200)  # charts are drawn anew
    return faults + serious_faults(page)


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """What axe calls serious or critical and is still there a while later, with the first of its places.

    Streamlit dims what it is about to write anew: a fault of contrast that passes.
    """
    settle(page)
    # A colour on its way from one state to another is neither.
    page.evaluate(FINISHED)
    faults = looked_at(page)
    if faults:
        page.wait_for_timeout(2000)
        settle(page)
        faults = looked_at(page)
    return faults


def looked_at(page: Page) -> list[tuple[str, list[str]]]:
    """Axe's serious and critical faults of the page as it is at this moment."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    faults = page.evaluate("axe.run({resultTypes: ['violations']}).then(result => result.violations)")
    return [
        (f["id"], [n["html"][:200] for n in f["nodes"]][:3]) for f in faults if f["impact"] in ("serious", "critical")
    ]
