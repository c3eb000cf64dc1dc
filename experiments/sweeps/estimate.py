"""Estimate a sweep's time and disk space before it begins, and say where the estimate comes from."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from analysis.wording import about, counted
from experiments.config.limits import readable
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.form import forms_of
from experiments.runs.store.checkpoint import encode_checkpoint
from experiments.runs.store.layout import layout_of
from experiments.sweeps.index import Results
from experiments.sweeps.plan import Kind, PlannedRun
from experiments.sweeps.probes import PROFILE_POINTS, ensure_probe
from experiments.tasks import make_task
from experiments.training.build import build, make_model
from experiments.training.state import Checkpoint
from experiments.training.training import Training
from models.bptt.threads import use_one_thread
from models.cells.registry import CELLS

ENOUGH = 5
"""Finished runs of the sweep from which on their times are the better estimate."""
TIMED_STEPS = 3
MOST_SHAPES = 12
"""Sizes of arrays that are looked at; those of the other runs are taken to be like them."""
BLOCK = 4096
"""Bytes that the smallest file takes."""
PROBE_FILES = 3 * BLOCK
"""A folder, a lock, and what of the numbers does not grow with the sequence."""


@dataclass(frozen=True)
class Estimate:
    """The time and disk space of the runs that are left."""

    seconds: float
    """On all workers together, from their start on; trainings that solve their task or diverge end sooner."""
    bytes: int
    basis: str
    """The source of the estimated time, in words."""

    def in_words(self, kind: Kind, workers: int) -> str:
        """Time and space: `about 7 seconds on 2 workers once started, and about 5 MiB of disk`."""
        most = "at most " if kind == "run" else ""
        worked = f"{most}{about(self.seconds)} on {counted(workers, 'worker')} once started"
        return f"{worked}, and about {readable(self.bytes)} of disk"


def cost(config: RunConfig, kind: Kind) -> float:
    """Work of a run in arbitrary units: multiplications of its passes, and a fixed part for every timestep."""
    cell = CELLS[config.cell]
    D, H = 2 if config.bidirectional else 1, config.hidden_size
    products = config.batch_size * len(cell.blocks) * H * (H + 16) * config.num_layers * D
    one = (config.seq_len + 20) * (products + 20_000)
    return float(one * (config.steps if kind == "run" else 1))


def estimate(results: Results, left: Sequence[PlannedRun], workers: int) -> Estimate:
    """Time and disk of the runs that are left.

    Raises:
        ConfigError: none of them can be built.
    """
    plan = results.plan
    if not left:
        return Estimate(0.0, 0, "no run, since none is left")
    configs = [plan.config(run) for run in left]
    costs = np.array([cost(config, plan.kind) for config in configs])
    rate, basis = finished_rate(results)
    if rate is None:
        rate, basis = timed_rate([configs[k] for k in np.argsort(costs)], plan.kind)
    seconds = rate * float(costs.sum()) / max(1, min(workers, len(left)))
    size = probe_bytes(configs) if plan.kind == "probe" else run_bytes(configs)
    return Estimate(seconds, size, basis)


def finished_rate(results: Results) -> tuple[float | None, str]:
    """Seconds a unit of cost, of the runs that are finished; None where there are too few."""
    plan = results.plan
    ended = np.flatnonzero(results.status == "finished")[-200:]
    if len(ended) < ENOUGH:
        return None, ""
    rates = []
    for k in ended:
        config, seconds = plan.config(plan.runs[k]), float(results.numbers["seconds"][k])
        share = results.numbers["steps_taken"][k] / config.steps if plan.kind == "run" else 1.0
        rates.append(seconds / (cost(config, plan.kind) * share))
    return statistics.median(rates), f"the times of {len(ended)} finished runs of this sweep"


def timed_rate(configs: Sequence[RunConfig], kind: Kind) -> tuple[float, str]:
    """Seconds a unit of cost: of the smallest run, and then of the one in the middle if that takes no second.

    Args:
        configs: from the cheapest to the dearest.
        kind: of the sweep.

    Raises:
        ConfigError: neither these two nor any of `MOST_SHAPES` others can be built.
    """
    before = torch.get_num_threads()
    use_one_thread()
    try:
        rate, refused = None, None
        for k, config in enumerate([configs[0], configs[len(configs) // 2], *spread(configs)]):
            if rate is not None and (k > 1 or rate * cost(config, "probe") >= 1.0):
                break
            try:
                rate = (timed_probe(config) if kind == "probe" else timed_step(config)) / cost(config, "probe")
            except ConfigError as error:
                refused = refused or error
    finally:
        torch.set_num_threads(before)
    if rate is None:
        raise ConfigError(f"the sweep's runs cannot be built: {refused}")
    what = "one pass" if kind == "probe" else f"{TIMED_STEPS} steps"
    return rate, f"{what} of a run of middling size, timed just now"


def spread(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Some of the configurations, from the first to the last."""
    return [configs[k] for k in np.unique(np.linspace(0, len(configs) - 1, MOST_SHAPES).astype(int))]


def timed_probe(config: RunConfig) -> float:
    """Seconds of a probe with its files, the best of two."""

    def once() -> float:
        with TemporaryDirectory() as folder:
            began = time.perf_counter()
            ensure_probe(config, Path(folder))
            return time.perf_counter() - began

    return min(once(), once())


def timed_step(config: RunConfig) -> float:
    """Seconds of a training step, the best of a few."""
    training = Training(config, "reference" if build_path(config) == "reference" else "fast")
    times = []
    for _ in range(TIMED_STEPS):
        began = time.perf_counter()
        training.update(training.advance().clipping.grads)
        times.append(time.perf_counter() - began)
    return min(times)


def build_path(config: RunConfig) -> str:
    """The path of `record` that the run would use now; compiles nothing."""
    if config.device != "cpu":
        return "reference"
    small = config.model_copy(update={"seq_len": 1, "batch_size": 1, "seq_len_schedule": "fixed"})
    return build(small).record().path


def probe_bytes(configs: Sequence[RunConfig]) -> int:
    """Disk of so many probes."""
    points = sum(min(config.seq_len, PROFILE_POINTS) for config in configs)
    return len(configs) * (PROBE_FILES + BLOCK // 2) + 24 * points


def run_bytes(configs: Sequence[RunConfig]) -> int:
    """Disk of so many run folders, if they take all their steps."""
    return round(statistics.fmean(folder_bytes(config) for config in spread(configs)) * len(configs))


def folder_bytes(config: RunConfig) -> int:
    """Disk of one run folder."""
    try:
        task = make_task(config)
        model = make_model(config, task, torch.Generator())
        form, *others = forms_of(config, task.input_size, task.output_size)
    except ConfigError:
        return 0
    rows, specs = form.record_count, layout_of(form, others).specs.values()
    arrays = sum(max(BLOCK, rows * prod(s.shape[1:]) * np.dtype(s.dtype).itemsize) + BLOCK for s in specs)
    checkpoint = 3 * len(encode_checkpoint(Checkpoint(dict(model.state_dict()), {})))  # Adam keeps two more of each
    return arrays + checkpoint + LINE_BYTES * config.steps


LINE_BYTES = 230
"""Bytes of a step's line in `scalars.jsonl` (measured)."""
