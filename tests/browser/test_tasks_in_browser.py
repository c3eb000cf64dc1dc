"""Every task in a browser: its symbols under the profile on Explore, and what a network says of it on Train.

One page goes through all of them, in both themes, wide and as narrow as a phone.
"""

import os
from pathlib import Path

import pytest
from exploring import eventually
from playwright.sync_api import Page, expect

from dashboard.option_words import TASK_WORDS
from experiments.config.run_config import RunConfig
from experiments.probing.seen_sequence import seen_sequence
from experiments.runs.train import Recorder, train
from experiments.tasks import TASKS, WITH_PICTURE
from experiments.training.build import build

SMALL = {"cell": "gru", "hidden_size": 8, "batch_size": 2, "seq_len": 6}
WIDE, PHONE = {"width": 1280, "height": 1200}, {"width": 390, "height": 1200}
ANSWERS = ("adding", "copying", "translation", "next_character", "sentiment", "captioning", "ball", "video")
"""Tasks whose answers differ in kind: a number, symbols, words, a text, a word, a picture's caption, a way, classes."""
SYMBOLS = """() => {
    const plot = document.querySelector('.live-chart[data-key="profile"] .live-chart-plot');
    return plot?.layout?.meta?.symbols ?? [];
}"""


def shoot(page: Page, name: str) -> None:
    """A picture of the page, where somebody wants them."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def choose_task(page: Page, task: str) -> None:
    box = page.get_by_role("combobox", name="Task")
    box.fill(TASK_WORDS[task])
    box.press("Enter")


def test_every_task_has_its_symbols_under_the_profile(explore):
    page = explore("?cells=gru&hidden_size=8&batch_size=2&seq_len=6&panel=Clipping&task=latch", viewport=WIDE)
    for task in sorted(TASKS, key=lambda task: task == "latch"):
        choose_task(page, task)
        texts = [*seen_sequence(build(RunConfig(**SMALL, task=task)), "recurrent").texts]
        assert eventually(page, lambda texts=texts: page.evaluate(SYMBOLS) == texts), task
        shoot(page, f"explore-{task}")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    shoot(page, "explore-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with a short training of each of them, by its name."""
    runs = tmp_path_factory.mktemp("runs")
    for task in ANSWERS:
        network = "one_to_many" if task in WITH_PICTURE else "sequence"
        config = RunConfig(**SMALL, task=task, network=network, steps=1, record_every=1, evaluate_every=None)
        train([Recorder.start(config, runs / task)])
    return runs


def test_a_short_training_says_what_it_answers(trained, serve_runs, open_page):
    url = serve_runs(trained)
    for k, tasks in enumerate((ANSWERS[:4], ANSWERS[4:])):
        page = open_page(f"{url}/train?runs={','.join(tasks)}", ("light", "dark")[k], (WIDE, PHONE)[k], settled=False)
        expect(page.locator(".said")).to_have_count(len(tasks), timeout=30_000)
        for said in page.locator(".said").all():
            assert said.locator(".answer").count() > 0
        expect(page.locator(".said img.shown")).to_have_count(int("captioning" in tasks))
        expect(page.locator('.live-chart[data-key^="way-"]')).to_have_count(int("ball" in tasks))
        shoot(page, f"train-{k}")
