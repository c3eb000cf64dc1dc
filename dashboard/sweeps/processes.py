"""Sweeps that the page has started: their processes write the sweep's folder and outlive the page."""

import os
import signal
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import streamlit as st

from dashboard.server.quotas import check_runs
from dashboard.server.serving import is_personal, workers
from dashboard.train import jobs
from dashboard.train.jobs import describe_end
from dashboard.train.programs import programs
from experiments.config.words import cut
from experiments.copies import ROOT, Program
from experiments.errors import ConfigError
from experiments.sweeps.plan import Plan, plan_of

MOST_RUNS = 2000
"""Runs of a sweep that the page starts."""


class Processes:
    """The sweeps that this server has started."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.working: dict[str, Program] = {}
        """Sweep's name → its process."""
        self.errors: dict[str, str] = {}
        """Sweep's name → why its last process ended badly."""
        self.stopped: set[str] = set()
        """Names of the sweeps that a visitor has ended at once."""
        self.pausing: set[str] = set()
        """Names of those that have been asked to pause and have not yet ended."""

    def start(self, plan: Plan) -> None:
        """Begin a sweep, or go on with it; its file is written for the process alone.

        Raises:
            ConfigError: it works already.
        """
        with self.lock:
            if plan.name in self.working:
                raise ConfigError(f"Sweep {plan.name} is already running.")
            folder = Path(tempfile.mkdtemp(prefix="sweep-"))
            file = folder / f"{plan.name}.toml"
            file.write_text(plan.source, encoding="utf-8")
            words = ["sweep", str(file), "--workers", str(workers()), "--quiet", "--runs", str(jobs.RUNS)]
            process = programs.start(words, folder / "said")
            self.working[plan.name] = process
            self.errors.pop(plan.name, None)
        threading.Thread(target=self.attend, args=(plan.name, process, folder), daemon=True).start()

    def attend(self, name: str, process: Program, folder: Path) -> None:
        """Wait for the end, and keep why where it ended badly."""
        status = process.wait()
        said = (folder / "said").read_text(encoding="utf-8", errors="replace")
        with self.lock:
            del self.working[name]
            stopped = name in self.stopped
            self.stopped.discard(name)
            self.pausing.discard(name)
            # 1: some runs have failed, which the page shows one by one
            if not stopped and status != 1 and (error := describe_end(status, said)):
                self.errors[name] = error
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    def pause(self, name: str) -> None:
        """Ask a sweep to end after the current steps; what was done is kept, and *Continue* goes on."""
        with self.lock:
            if process := self.working.get(name):
                self.pausing.add(name)
                process.terminate()

    def stop(self, name: str) -> None:
        """End a sweep at once, with its workers; a run loses at most what it has not committed."""
        with self.lock:
            if process := self.working.get(name):
                self.stopped.add(name)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def works(self, name: str) -> bool:
        """Whether this server has the sweep at work."""
        return name in self.working


@st.cache_resource
def processes() -> Processes:
    """The one list of this server."""
    return Processes()


def plan_for_page(source: str, name: str = "my_sweep") -> Plan:
    """The plan of a TOML text that the page may start; it has the name unless the text says another.

    Raises:
        ConfigError: the first mistake, or more than a page may start.
    """
    if not is_personal():
        raise ConfigError("Only the owner of this server can start a sweep on the page; start it at the command line.")
    try:
        plan = plan_of(source, name, MOST_RUNS)
    except ConfigError:
        raise
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The text is not valid TOML: {cut(' '.join(str(error).split()))}; correct it.") from None
    check_runs([plan.config(run) for run in plan.runs], jobs.RUNS, personal=True)
    return plan


def examples() -> Mapping[str, str]:
    """Name → TOML of the sweeps that come with the program, where it is run from its own folder."""
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted((ROOT / "sweeps").glob("*.toml"))}
