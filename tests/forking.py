"""Programs that begin as copies of a process which has imported what they need: in a tenth of a second, not in five.

What a test says of a process, of its signals, kills, files and sockets, holds of a copy, too. That a program also
starts from nothing is for the tests that start one with `subprocess`.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import dask

ROOT = Path(__file__).resolve().parents[1]
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


class Copy:
    """A program that runs, as far as tests use `subprocess.Popen`."""

    def __init__(self, status: int) -> None:
        self._status = os.fdopen(status)
        self.pid = int(self._status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """As `os.kill`, but for a program that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


Program = Copy | subprocess.Popen[bytes]


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
        if sys.platform != "linux":  # there, libraries that are loaded do not all survive the copy of their process
            command = [sys.executable, "-m", module, *words]
            return subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=printed, stderr=errors, start_new_session=True
            )
        ours, theirs = os.pipe()
        request = json.dumps([module, words, dict(environment)]).encode()
        socket.send_fds(_original(), [request], [theirs, printed.fileno(), errors.fileno()])
    os.close(theirs)
    return Copy(ours)


@cache
def _original() -> socket.socket:
    """Where the process hears which is copied; there is one for each worker of the suite, from its first copy on."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a copy has no thread but the one that forks
    environment = {**os.environ, **alone, "PYTHONPATH": str(ROOT)}
    subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())],
        cwd=ROOT, env=environment, pass_fds=[theirs.fileno()], start_new_session=True,
    )  # fmt: skip
    theirs.close()
    atexit.register(ours.close)
    return ours


def copy_on_request(requests: socket.socket) -> list[str]:
    """Fork for each request and report how each copy ends; returns in the copies only, with the words of each."""
    awake, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reports: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests, awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
            report_ends(reports)
        if requests in ready:
            request, files, _, _ = socket.recv_fds(requests, 2**20, 3)
            if not request:
                sys.exit()  # the suite has ended
            if (pid := os.fork()) == 0:
                for kept in (requests.detach(), awake, wakes, *reports.values()):
                    os.close(kept)
                return become(*json.loads(request), files)
            for file in files[1:]:
                os.close(file)
            reports[pid] = files[0]
            os.write(files[0], b"%d\n" % pid)


def report_ends(reports: dict[int, int]) -> None:
    """Say how those copies ended that have, as `subprocess` counts."""
    for pid in [*reports]:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(BrokenPipeError):
                os.write(reports[pid], b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(reports.pop(pid))


def become(module: str, words: list[str], environment: dict[str, str], files: list[int]) -> list[str]:
    """Take on what a program gets from outside: signals, output, environment, words."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.close(files[0])
    for number, file in zip((1, 2), files[1:], strict=True):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    dask.config.refresh()  # it reads the environment when it is imported
    return [module, *words]


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
    gc.collect()
    gc.freeze()  # what is shared with the copies stays shared


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        warm()
        sys.argv = copy_on_request(channel)
    sys.path[0] = str(ROOT)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
