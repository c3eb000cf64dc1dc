"""Explore over networks that people have: a run's at a recorded step, and a file; a drag shows what `probe` prints."""

import csv
import math
import re
from functools import partial
from pathlib import Path

import pytest
import torch
from browsing import press, serious_faults_in_both_themes, settle
from exploring import drag, eventually, line, value_of
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.config.run_config import RunConfig
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    """A training of eleven recorded steps."""
    config = RunConfig(
        cell="lstm", seq_len=30, hidden_size=8, batch_size=8, steps=21, record_every=2, learning_rate=0.01
    )
    folder = tmp_path_factory.mktemp("runs") / config.identity()
    train([Recorder.start(config, folder)])
    return open_run(folder)


@pytest.fixture(scope="module")
def url(serve_runs, run) -> str:
    return serve_runs(run.folder.parent)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    model = torch.nn.ModuleDict({"encoder": torch.nn.GRU(2, 6), "decoder": torch.nn.LSTM(5, 7)})
    path = tmp_path_factory.mktemp("files") / "model.pt"
    torch.save(model.state_dict(), path)
    return path


def printed(*words: str) -> list[float]:
    """log₁₀ of the profile that the command prints, t = 1 … T."""
    result = CliRunner().invoke(app, ["probe", *words, "--csv", "-"], catch_exceptions=False)
    return [float(row["log_norm_median"]) / math.log(10) for row in csv.DictReader(result.stdout.splitlines())]


def shows(page: Page, name: str, expected: list[float]) -> bool:
    return line(page, name) == pytest.approx(expected, abs=1e-3)


def downloaded(page: Page, column: str) -> list[float]:
    """A column of the profile's table, in decades."""
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).first.click()
    lines = Path(download.value.path()).read_text().splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [float(row[column]) / math.log(10) for row in rows]


def test_a_recorded_step_opens_from_runs_and_follows_the_hand_to_what_probe_prints(url, open_page, run):
    page = open_page(f"{url}/runs?run={run.name}")
    scrub = page.locator(".scrub-slider .range")
    scrub.focus()
    scrub.press("Home")
    for _ in range(4):
        scrub.press("ArrowRight")
    step = page.locator(".scrub-slider output")
    expect(step).to_have_text("optimiser step 9 of 21")
    here = re.compile(f"run={run.name}&step=9")
    expect(page).to_have_url(here)  # the same parameters as where the button leads
    for comes_again in (False, True):
        press(page, "Open in Explore")
        expect(page.get_by_text(f"trained: {run.name} at step 9", exact=True)).to_be_visible(timeout=60_000)
        expect(page).to_have_url(here)
        if not comes_again:
            page.go_back()
            expect(step).to_have_text("optimiser step 9 of 21", timeout=60_000)
            expect(page).to_have_url(re.compile(f"/runs.{here.pattern}"))
    probed = partial(printed, run.name, "--runs", str(run.folder.parent), "--step", "9")
    assert eventually(page, lambda: shows(page, "LSTM", probed("seed=0"))), "as the training had it"
    before = value_of(page, "largest_singular_value")
    assert drag(page, "largest_singular_value", before / 3, 0.7)
    value = value_of(page, "largest_singular_value")
    assert value > before
    expected = probed(f"largest_singular_value={value}")
    assert eventually(page, lambda: shows(page, "LSTM", expected))
    settle(page)
    assert downloaded(page, "lstm log_norm median") == pytest.approx(expected, rel=1e-9)
    press(page, "As it was found")
    assert eventually(page, lambda: shows(page, "LSTM", probed("seed=0")))
    press(page, "Back to untrained networks")
    assert eventually(page, lambda: bool(line(page, "Elman")))
    expect(page).not_to_have_url(re.compile("run="))


def test_a_checkpoint_is_uploaded_and_follows_the_hand_to_what_probe_prints(url, open_page, checkpoint):
    page = open_page(url)
    page.get_by_text("Open your own network").click()
    page.locator("[data-testid='stFileUploader'] input[type=file]").set_input_files(checkpoint)
    expect(page.get_by_text("yours: model.pt, layer encoder", exact=True)).to_be_visible(timeout=60_000)
    settle(page)
    layer, option = page.get_by_role("combobox", name="Layer of the file"), page.get_by_role("option", name="decoder")

    def is_offered() -> bool:
        """The list, which closes if the page is just being written anew, is open."""
        layer.press("ArrowDown")
        return option.is_visible()

    assert eventually(page, is_offered)
    option.click()
    expect(page.get_by_text("yours: model.pt, layer decoder", exact=True)).to_be_visible(timeout=60_000)
    probed = partial(printed, "--weights", str(checkpoint), "--layer", "decoder", "--inputs", "noise")
    assert eventually(page, lambda: shows(page, "LSTM", probed()))
    before = value_of(page, "largest_singular_value")
    assert drag(page, "largest_singular_value", before / 3, 0.6)
    value = value_of(page, "largest_singular_value")
    expected = probed(f"largest_singular_value={value}")
    assert eventually(page, lambda: shows(page, "LSTM", expected))
    settle(page)
    assert downloaded(page, "lstm log_norm median") == pytest.approx(expected, rel=1e-9)
    page.mouse.move(0, 0)
    assert not serious_faults_in_both_themes(page)


def test_a_file_that_is_none_is_a_sentence_and_the_last_picture_stays(url, open_page, tmp_path):
    (tmp_path / "notes.txt").write_text("no weights")
    page = open_page(url)
    assert eventually(page, lambda: bool(line(page, "LSTM")))
    before = line(page, "LSTM")
    page.get_by_text("Open your own network").click()
    page.locator("[data-testid='stFileUploader'] input[type=file]").set_input_files(tmp_path / "notes.txt")
    expect(page.get_by_text("The file was 'notes.txt': the file is no torch checkpoint")).to_be_visible(timeout=60_000)
    settle(page)
    assert line(page, "LSTM") == before
