"""A real server and a real browser: what AppTest cannot see (drags, zoom, remounts, themes)."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from browsing import KNOW_WHAT_WAITS, ROOT, WINDOW, Theme, free_port, open_beside, serve_app, settle, wait_until_healthy
from forking import Program, start_copy
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, ViewportSize

from experiments.errors import ConfigError
from experiments.runs.control import change_control


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": os.environ.get("CHROMIUM", "/usr/bin/chromium"),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-features=PreloadTopChromeWebUI,WebUIOmniboxPopup,InitialWebUI",  # Chromium's own pages
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


@pytest.fixture(scope="session")
def served_runs() -> list[Path]:
    """The folders of runs of all servers."""
    return []


@pytest.fixture(autouse=True)
def nothing_trains_on(served_runs: list[Path]) -> Iterator[None]:
    """End what a test has started to train: it outlives its page, as it should, and would take a core from others."""
    yield
    for lease in (lease for runs in served_runs for lease in runs.glob("*/lease.json")):
        with suppress(ConfigError):  # it is about to begin, or at its end
            change_control(lease.parent, stop=True)


@pytest.fixture(scope="session")
def serve_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """A function from a script's path and the server's environment to its address; see `forking`."""
    servers: list[Program] = []

    def start(script: Path, **environment: str) -> str:
        port, log = free_port(), tmp_path_factory.mktemp("servers") / "log"
        options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
        environment = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
        servers.append(start_copy("streamlit", "run", str(script), *options, environment=environment, out=log))
        url = f"http://127.0.0.1:{port}"
        wait_until_healthy(url, servers[-1], log)
        return url

    yield start
    end(servers)


@pytest.fixture(scope="session")
def serve(serve_copy: Callable[..., str]) -> Callable[[Path], str]:
    """A function from a script's path to the address where Streamlit serves it, one server a script and worker."""
    return cache(serve_copy)


@pytest.fixture(scope="session")
def serve_runs(served_runs: list[Path], serve_copy: Callable[..., str]) -> Callable[..., str]:
    """A function from a folder of runs, and start-up switches, to the address of a server of the app that has them."""

    def start(runs: Path, **switches: str) -> str:
        served_runs.append(runs)
        return serve_copy(ROOT / "app.py", GRADIENT_FLOW_RUNS=str(runs), **switches)

    return start


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, served_runs: list[Path]) -> Iterator[str]:
    """The address of a server of the app that most tests share; it starts from nothing, as `make app` does."""
    folder = tmp_path_factory.mktemp("servers")
    served_runs.append(folder / "runs")
    server, url = serve_app(folder / "runs", folder / "log")
    yield url
    end([server])


def end(servers: Sequence[Program]) -> None:
    """End all of them at the same time."""
    for server in servers:
        server.terminate()
    for server in servers:
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture(scope="session")
def profile(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """One browser with a folder of its own: there it keeps the 10 MB of scripts as compiled, a second of each page."""
    folder = tmp_path_factory.mktemp("chromium")
    context = browser_type.launch_persistent_context(folder, **browser_type_launch_args)
    context.add_init_script(KNOW_WHAT_WAITS)
    yield context
    context.close()


@pytest.fixture
def browser_of(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A function from a window's size to a browser of one person, with cookies of its own."""
    contexts = []

    def arrive(viewport: ViewportSize) -> BrowserContext:
        contexts.append(browser.new_context(viewport=viewport, reduced_motion="reduce"))
        contexts[-1].add_init_script(KNOW_WHAT_WAITS)
        return contexts[-1]

    yield arrive
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def opener(profile: BrowserContext) -> Page:
    """A page that stays: what it opens shares its process, whose start would be a fifth of a page."""
    page = profile.new_page()
    page.route("**/*", lambda route: route.fulfill(body=""))
    page.goto("http://127.0.0.1/")
    return page


@pytest.fixture
def open_page(opener: Page) -> Iterator[Callable[..., Page]]:
    """A function `(url, theme="light", viewport=…, settled=True) -> Page`; a page is a session of its own."""
    pages = []

    def open_(*where: Any, **how: Any) -> Page:
        pages.append(open_beside(opener, *where, **how))
        return pages[-1]

    yield open_
    for page in pages:
        page.close()


@pytest.fixture
def explore(app_url: str, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """A function `(query="", theme="light", viewport=…) -> Page` with the first picture on it."""

    def open_(query: str = "", theme: Theme = "light", viewport: ViewportSize = WINDOW) -> Page:
        page = open_page(f"{app_url}/{query}", theme, viewport, settled=False)
        page.wait_for_selector('.live-chart[data-key="profile"][data-redraws]', timeout=60_000)
        settle(page)
        return page

    return open_
