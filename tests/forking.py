"""Programs that begin as copies of a process which has imported what they need: in a tenth of a second, not in five.

What a test says of a process, of its signals, kills, files and sockets, holds of a copy, too. That a program also
starts from nothing is for the tests that start one with `subprocess`.
"""

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from experiments.copies import CAN_COPY, ROOT, Original, Program, run, serve_copies

IMPORTED = (
    "pandas",
    "streamlit.web.cli",
    "streamlit.web.bootstrap",
    "distributed.cli.dask_scheduler",
    "distributed.cli.dask_worker",
    "experiments.commands.command_line",
    "experiments.sweeps.engine",
    "experiments.sweeps.cluster",
    "experiments.recipes.perform",
)
"""What the programs that tests start have in common; of the app's own pages each imports its own."""


def start_copy(
    module: str, *words: str, environment: Mapping[str, str], out: Path, error: Path | None = None
) -> Program:
    """Start `python -m MODULE WORDS` in the root, as the first of a process group of its own.

    Args:
        environment: the program's, whole.
        out: what it prints is written after what this file has.
        error: the same for its errors; None is the same file.
    """
    with out.open("ab") as printed, (error or out).open("ab") as errors:
        if CAN_COPY:
            return _original().copy(module, words, environment, printed.fileno(), errors.fileno())
        command = [sys.executable, "-m", module, *words]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=printed, stderr=errors, start_new_session=True
        )


@cache
def _original() -> Original:
    """There is one for each worker of the suite, from its first copy on."""
    original = Original.begin("-m", "tests.forking")
    assert original.is_ready(None), "it has said why"
    return original


def warm() -> None:
    """Import, and compute once what needs compiled code, which is then loaded."""
    for name in IMPORTED:
        importlib.import_module(name)
    labs = importlib.import_module("dashboard.server.labs").labs
    for draw in labs()["explore"]({}).pictures.values():
        draw()
    for name in [name for name in sys.modules if name.partition(".")[0] == "dashboard"]:
        del sys.modules[name]  # its modules read the environment, which each copy has from its test
    tasks = [task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
    threads = {(task / "comm").read_text().strip() for task in tasks}
    assert threads <= {"jemalloc_bg_thd"}, f"a copy would lack {threads}"  # jemalloc begins its own again


def lend_a_copy() -> None:
    """Let this server's training begin as copies, too: of a process that is one of this before it has threads."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        run(serve_copies(theirs.detach(), lambda: None))
        sys.exit()
    theirs.close()
    importlib.import_module("dashboard.train.programs").programs.original = Original(ours)


if __name__ == "__main__":
    words_of_copy = serve_copies(int(sys.argv[1]), warm)
    if words_of_copy[0] == "streamlit":
        lend_a_copy()
    run(words_of_copy)
