"""Programs that the pages start and that outlive them: what trains, and sweeps."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import experiments
from experiments.copies import CAN_COPY, ROOT, Original, Program


class Programs:
    """Starts the command line: as a copy of a process that is prepared, or, where there is none, from nothing."""

    def __init__(self) -> None:
        self.original: Original | None = None
        self.lock = threading.Lock()

    def prepare(self) -> None:
        """Begin to prepare a process, unless there is one: who comes to train is about to start a program."""
        with self.lock:
            if CAN_COPY and self.original is None:
                self.original = Original.begin("-m", "experiments.prepared")

    def start(self, words: Sequence[str], said: Path) -> Program:
        """Start `python -m experiments WORDS`; neither the browser's end nor the server's ends it.

        Args:
            words: of the command line.
            said: the file that keeps its errors.

        Raises:
            OSError: it cannot start.
        """
        with said.open("wb") as errors, Path(os.devnull).open("wb") as nowhere:
            original = self.original
            if original is not None and original.is_ready():
                try:
                    return original.copy(experiments.__name__, words, os.environ, nowhere.fileno(), errors.fileno())
                except OSError:
                    self.original = None  # it has ended; the next visit prepares another
            return subprocess.Popen(
                [sys.executable, "-m", experiments.__name__, *words], cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=nowhere, stderr=errors, start_new_session=True,
            )  # fmt: skip


programs = Programs()
"""Of this server."""
