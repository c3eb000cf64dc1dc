"""Training processes that the page starts. They write run folders; the page only reads, and they outlive it."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import streamlit as st

from experiments.config import RunConfig
from experiments.errors import ConfigError
from experiments.runs import runs_folder

ROOT = Path(__file__).resolve().parents[1]
RUNS = runs_folder().resolve()
"""Where runs are kept: the same folder as the command line's, seen from where the server was started."""


@dataclass
class Job:
    """One process, and what it said on standard error."""

    process: "subprocess.Popen[bytes]"
    said: Path

    @property
    def error(self) -> str | None:
        """Why it ended, where it ended badly."""
        code = self.process.poll()
        if not code:
            return None
        text = self.said.read_text(encoding="utf-8", errors="replace").strip()
        return (text.splitlines() or [f"The training process ended with status {code}."])[-1].removeprefix("error: ")


@dataclass
class Jobs:
    """All processes of this server."""

    started: list[Job] = field(default_factory=list)

    def start(self, lanes: Sequence[RunConfig | str]) -> Job:
        """Begin runs (configurations) or go on with them (names), in lockstep in one process.

        Raises:
            ConfigError: as many processes train already as there are cores.
        """
        alive = sum(job.process.poll() is None for job in self.started)
        most = os.cpu_count() or 1
        if alive >= most:
            raise ConfigError(f"{alive} training processes run already; it may be at most {most}, one a core.")
        RUNS.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix="training-", suffix=".log", delete=False) as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "experiments", *arguments(lanes), "--quiet", "--runs", str(RUNS)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,  # closing the browser, or the server, does not stop it
            )
        job = Job(process, Path(said.name))
        self.started.append(job)
        return job


def arguments(lanes: Sequence[RunConfig | str]) -> list[str]:
    """The command line that trains these lanes in lockstep."""
    names = [lane for lane in lanes if isinstance(lane, str)]
    if names:
        return ["resume", *names]
    first, *others = [words(lane) for lane in lanes if isinstance(lane, RunConfig)]
    return ["run", *first, *(part for other in others for part in ("--against", shlex.join(other)))]


def words(config: RunConfig) -> list[str]:
    """A configuration as `key=value` words, as TOML writes the values."""
    return [f"{name}={'none' if v is None else orjson.dumps(v).decode()}" for name, v in config.model_dump().items()]


@st.cache_resource
def jobs() -> Jobs:
    """The one pool of this server."""
    return Jobs()
