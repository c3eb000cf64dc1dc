"""Several people on one server that has one core for training: offers, the queue, and who may steer what."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from browsing import serious_faults, settle
from playwright.sync_api import BrowserContext, Page, expect
from test_train_in_browser import press, wait_for

from experiments.config.run_config import RunConfig
from experiments.runs.control import read_control
from experiments.runs.opening import open_run
from experiments.runs.train import Recorder

LATER = 60_000
"""Milliseconds in which a training process starts beside others."""


@pytest.fixture(scope="module")
def server(tmp_path_factory, serve_runs) -> tuple[str, Path]:
    """A shared server with one core for training, and its folder of runs."""
    runs = tmp_path_factory.mktemp("shared") / "runs"
    return serve_runs(runs, GRADIENT_FLOW_SHARED="1", GRADIENT_FLOW_WORKERS="1"), runs


@pytest.fixture
def person(browser_of: Callable[..., BrowserContext]) -> Callable[[str], Page]:
    """A function from an address to the page that another person sees there."""

    def arrive(url: str) -> Page:
        page = browser_of({"width": 1280, "height": 1000}).new_page()
        page.goto(url)
        if url != "about:blank":
            settle(page)
        return page

    return arrive


def names(runs: Path) -> list[str]:
    """The runs that are there, by their names."""
    return sorted(folder.parent.name for folder in runs.glob("[!.]*/progress.json"))


@contextmanager
def held_still(runs: Path, names: list[str]) -> Iterator[None]:
    """Let the process that trains these runs wait: it has a core, and others need that core to look at pages."""
    pids = {orjson.loads((runs / name / "lease.json").read_bytes())["pid"] for name in names}
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def says_nothing_of_the_server(page: Page, runs: Path) -> None:
    """No path of the server's, no command and no traceback is on the page."""
    shown = page.locator("body").inner_text()
    assert str(runs.parent) not in shown
    assert "python -m" not in shown
    assert "Traceback" not in shown


def others_come_and_wait(ben: Page, eve: Page, url: str, runs: Path, first: list[str]) -> None:
    """Ben looks at the first runs and trains them again; Eve waits behind him, for two pages in turn, and leaves."""
    press(ben, "Start")
    expect(ben.get_by_text("These settings have been trained here before.")).to_be_visible(timeout=LATER)
    assert "runs=" not in ben.url, "nobody's run is shown before it is asked for"
    says_nothing_of_the_server(ben, runs)
    press(ben, "Open them")
    expect(ben.get_by_text("Somebody else started these runs")).to_be_visible(timeout=LATER)
    for name in ("Pause", "Single step", "Resume"):
        expect(ben.get_by_role("button", name=name)).to_have_count(0)
    assert not read_control(runs / first[0]).stop

    press(ben, "Start")
    press(ben, "Train again")
    expect(ben.get_by_text("All cores are busy. Yours is next.")).to_be_visible(timeout=LATER)
    assert serious_faults(ben) == []

    press(eve, "Start")
    press(eve, "Train again")
    expect(eve.get_by_text("All cores are busy. 2 runs are ahead of yours.")).to_be_visible(timeout=LATER)
    eve.reload()
    expect(eve.get_by_text("All cores are busy. 2 runs are ahead of yours.")).to_be_visible(timeout=LATER)
    press(eve, "Leave the queue")
    expect(eve.get_by_text("left the queue")).to_be_visible(timeout=LATER)

    eve.goto(f"{url}/learn?lesson=12&beat=do")
    press(eve, "Train")
    expect(eve.get_by_text("All cores are busy. 2 runs are ahead of yours.")).to_be_visible(timeout=LATER)
    press(eve, "Cancel")
    expect(eve.get_by_text("All cores are busy")).to_have_count(0, timeout=LATER)


def test_the_second_person_opens_or_trains_again_and_waits_for_their_turn(server, person):
    url, runs = server
    ann = person(f"{url}/train")
    press(ann, "Start")
    wait_for(lambda: len(names(runs)) == 2)
    first = names(runs)
    expect(ann.get_by_role("button", name="Pause")).to_be_enabled(timeout=LATER)

    with held_still(runs, first):
        ben, eve = person(f"{url}/train"), person(f"{url}/train")
        others_come_and_wait(ben, eve, url, runs, first)

    ben.goto("about:blank")  # nobody looks at what waits
    ann.reload()
    press(ann, "Stop")
    wait_for(lambda: all(open_run(runs / name).status == "interrupted" for name in first))
    wait_for(lambda: {f"{name}-2" for name in first} <= set(names(runs)))
    assert names(runs) == sorted([*first, *(f"{name}-2" for name in first)]), "who left the queue trains nothing"

    ben.go_back()
    press(ben, "Stop")
    wait_for(lambda: all(open_run(runs / f"{name}-2").status == "interrupted" for name in first))


def test_a_stranger_opens_a_terminals_run_by_its_address_and_can_only_watch(server, person):
    url, runs = server
    config = RunConfig(cell="gru", seq_len=6, hidden_size=3, batch_size=2, steps=40, record_every=1)
    with Recorder.start(config, runs / config.identity()) as recorder:
        recorder.turn()
        recorder.commit()
        page = person(f"{url}/train?runs={config.identity()}")
        expect(page.get_by_text("Somebody else started this run")).to_be_visible(timeout=LATER)
        for name in ("Pause", "Single step", "Resume"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
    says_nothing_of_the_server(page, runs)


def test_an_address_of_no_run_names_no_folder(server, person):
    url, runs = server
    page = person("about:blank")
    for address in ("runs?run=nosuchrun", "train?runs=nosuchrun", "runs?run=..%2F..%2Fetc"):
        page.goto(f"{url}/{address}")
        settle(page)
        expect(page.get_by_text(re.compile("no run|no such run", re.IGNORECASE))).not_to_have_count(0, timeout=LATER)
        says_nothing_of_the_server(page, runs)
