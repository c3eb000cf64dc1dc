"""What a page may start: as much as the machine bears, and on a shared server as much as leaves room for others."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from dashboard.cache import PAGE_MEMORY_LIMIT
from dashboard.option_words import TEXT_WORDS
from dashboard.server.serving import opens_files
from dashboard.train.job_queue import Job
from experiments.config.limits import MEMORY_LIMIT, check_memory, readable
from experiments.config.run_config import RunConfig
from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.runs.disk import run_bytes
from experiments.tasks import OWN_CLASS

MOST_WAITING = 50
"""Jobs that may wait in all."""
MOST_EACH = 3
"""Jobs that one visitor of a shared server may have waiting and training."""
SECONDS = 30 * 60.0
"""The longest that a process may train for a visitor of a shared server before somebody else may have its core."""
LARGEST_RUN = 2**28
"""Bytes that one run of a visitor of a shared server may need on the disk."""
SPARED = 2**31
"""Bytes that stay free on the disk."""
LARGEST_FIELDS = {"seq_len": 1000, "hidden_size": 512, "batch_size": 256, "steps": 1_000_000}
"""What the fields of the page allow; a forged message need not keep to them."""


def check_runs(lanes: Sequence[RunConfig], runs: Path, personal: bool) -> None:
    """Raise ConfigError unless these runs are small enough to be started from a page.

    Args:
        lanes: what is to be trained in one process.
        runs: the folder of runs; the disk that it is on must have room.
        personal: whether the server is the visitor's own.
    """
    needed = 0
    for config in lanes:
        for name, largest in LARGEST_FIELDS.items():
            if (value := getattr(config, name)) > largest:
                raise ConfigError(f"{name} was {value:,}; a run from a page allows at most {largest:,}.")
        if OWN_CLASS.fullmatch(config.task):
            raise ConfigError(f"task was {shortened(config.task)}; a class of your own runs at the command line only.")
        if config.text_file not in TEXT_WORDS and not opens_files():
            raise ConfigError("This server does not open text files of its machine; choose one of its own texts.")
        if config.data_file is not None and not opens_files():
            raise ConfigError("This server does not open data files of its machine; train on them at the command line.")
        check_memory(config, limit=MEMORY_LIMIT if personal else PAGE_MEMORY_LIMIT)
        size = run_bytes(config)
        if not personal and size > LARGEST_RUN:
            raise ConfigError(
                f"This run would need {readable(size)} of disk space; this server allows {readable(LARGEST_RUN)} per "
                "run. Record fewer steps: raise Recording interval, or lower Steps."
            )
        needed += size
    free = shutil.disk_usage(next(folder for folder in (runs, *runs.parents) if folder.is_dir())).free
    if needed + SPARED > free:
        raise ConfigError(
            f"The server's disk is almost full: {readable(free)} are free, and the run would need {readable(needed)}. "
            f"{readable(SPARED)} must stay free. Raise Recording interval, or delete old runs first."
        )


def check_queue(waiting: Sequence[Job], working: Sequence[Job], visitor: str, personal: bool) -> None:
    """Raise ConfigError unless the queue has room for one more job of this visitor.

    Args:
        waiting: all jobs that wait.
        working: all jobs that train.
        visitor: who asks.
        personal: whether the server is the visitor's own.
    """
    if len(waiting) >= MOST_WAITING:
        raise ConfigError(f"The queue is full ({MOST_WAITING} starts are waiting). Try again later.")
    own = sum(job.visitor == visitor for job in (*waiting, *working))
    if not personal and own >= MOST_EACH:
        raise ConfigError(
            f"You already have {own} starts waiting or training; this server allows {MOST_EACH} per visitor. Wait "
            "until one ends, or stop one."
        )
