"""Whether a run of gigabytes opens on the Runs page as a small one does: seconds to the first chart, and memory.

    python tests/browser/measure_large_run.py [--gigabytes 5] [--folder /tmp]

Writes a small and a large run with the run folder's own writer, opens each on a server of its own in headless Chromium,
goes through its recorded steps, and prints the figures. The runs are deleted at the end.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from browsing import serve_app
from playwright.sync_api import Browser, Page, sync_playwright

from experiments.config.run_config import RunConfig
from experiments.runs.form import form_of
from experiments.runs.opening import open_run
from experiments.runs.store.chunks import ArraySpec
from experiments.runs.store.create import create_run
from experiments.runs.store.layout import layout_of
from experiments.runs.store.writer import RunWriter
from experiments.training.build import build
from experiments.training.training import Training

SCRUBS = 30
"""Recorded steps that are looked at."""


@dataclass(frozen=True)
class Seen:
    """What one run took."""

    gigabytes: float
    recorded: int
    first: float
    """Seconds from the address to the first chart of the run, in a server that has shown the page without a run."""
    again: float
    """The same in another tab."""
    scrub: float
    """Milliseconds from a move of the slider to the profile of that step, the median."""
    baseline: float
    """MiB, the server's peak before the run was opened."""
    peak: float
    """MiB, its peak at the end."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder, sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for size in (0.02, asked.gigabytes):
            runs = Path(folder) / f"runs-{size:g}"
            run = write_run(runs, int(size * 10**9))
            seen = look(browser, runs, run)
            print(
                f"{seen.gigabytes:.2f} GB, {seen.recorded} recorded steps: first chart {seen.first:.2f} s, in a second "
                f"tab {seen.again:.2f} s; a scrubbed step {seen.scrub:.0f} ms; server's peak {seen.peak:.0f} MiB, "
                f"{seen.baseline:.0f} MiB before the run was opened"
            )
            shutil.rmtree(runs)
        browser.close()


def write_run(runs: Path, size: int) -> Path:
    """A folder with a finished LSTM run of about so many bytes: T = 200, H = 64, every unit and gate kept."""
    config = RunConfig(cell="lstm", seq_len=200, hidden_size=64, batch_size=32, record_every=1, record_units=None)
    experiment = build(config)
    sizes = experiment.task.input_size, experiment.task.output_size
    row = layout_of(form_of(config, *sizes)).row_bytes
    config = config.model_copy(update={"steps": max(20, int(size / row))})
    training, form = Training(config, "reference"), form_of(config, *sizes)
    plan = layout_of(form)
    folder = runs / config.identity()
    description = {"format": 1, "id": config.identity(), "config": config.model_dump(), "chance": training.chance}
    description["form"] = asdict(form)
    lease = create_run(
        folder, description | {"created": time.time()}, plan.specs, plan.coordinates, plan.attributes,
        training.checkpoint(),
    )  # fmt: skip
    writer, checkpoint = RunWriter.open(folder, plan.specs, lease=lease)
    dice = np.random.default_rng(0)
    with writer:
        for step in range(1, config.steps + 1):
            values = {name: made_up(name, spec, step, dice) for name, spec in plan.specs.items()}
            loss = float(values["loss"])
            writer.scalars({"step": step, "loss": loss, "log_norm_before": -loss, "log_norm_after": -1 - loss})
            writer.record(values, dict)
            if step % 200 == 0 or step == config.steps:
                writer.commit(checkpoint, step, "finished", "steps", float(step))
    return folder


def made_up(name: str, spec: ArraySpec, step: int, dice: np.random.Generator) -> np.ndarray:
    """A row that looks like a training's."""
    shape = spec.shape[1:]
    if name in ("step", "length"):
        return np.asarray(step if name == "step" else 200)
    if name.startswith("log_norm"):
        time_axis = np.linspace(-20.0 * np.exp(-step / 1000), 0, shape[1]).reshape(1, -1, 1)
        return time_axis + np.sort(dice.normal(size=shape), axis=-1)
    return dice.random(shape, dtype=np.float32)


def look(browser: Browser, runs: Path, folder: Path) -> Seen:
    """Open the run on a server of its own."""
    server, url = serve_app(runs, runs / "log")
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{url}/runs")
        page.get_by_text("Choose a run to open it").wait_for(timeout=60_000)
        baseline = peak_memory(server.pid)
        first, again = (seconds_to_chart(browser, url, folder.name) for _ in range(2))
        page.goto(f"{url}/runs?run={folder.name}")
        page.locator(chart_of(folder.name)).wait_for(timeout=60_000)
        scrubbed = scrub(page)
        page.wait_for_timeout(1000)
        return Seen(
            sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9,
            open_run(folder).progress.committed, first, again, scrubbed, baseline, peak_memory(server.pid),
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait()


def chart_of(name: str) -> str:
    """The profile that is scrubbed."""
    return f'[data-key="scrub-profile-{name}"][data-redraws]'


def seconds_to_chart(browser: Browser, url: str, name: str) -> float:
    """From the address to the profile of the first recorded step."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    began = time.monotonic()
    page.goto(f"{url}/runs?run={name}")
    page.locator(chart_of(name)).wait_for(timeout=120_000)
    took = time.monotonic() - began
    page.close()
    return took


MOVE = """root => new Promise(done => {
    const began = performance.now();
    const seen = new MutationObserver(() => { seen.disconnect(); done(performance.now() - began); });
    seen.observe(root, {attributes: true, attributeFilter: ["data-drawn"]});
    const range = root.querySelector(".range");
    range.value = Number(range.value) + 1;
    range.dispatchEvent(new Event("input"));
})"""


def scrub(page: Page) -> float:
    """Move the slider so many times; the median of the milliseconds until the profile is that of the new step."""
    slider = page.locator(".scrub-slider")
    slider.wait_for()
    return float(np.median([slider.evaluate(MOVE) for _ in range(SCRUBS)]))


def peak_memory(pid: int) -> float:
    """MiB of memory that the process has held at most."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
