"""Programs that begin as copies of a process which has imported what they need: in a tenth of a second, not in five.

The process is started once, prepares itself, and forks for each request. It has one thread, as a copy has none of the
other threads of its original. Where processes cannot be copied so, as outside of Linux, programs start from nothing.
"""

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
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CAN_COPY = sys.platform == "linux"
"""Elsewhere, libraries that are loaded do not all survive the copy of their process."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
WIDTH = 16
"""Bytes of each number that an original says of a copy."""
UNKNOWN = 0
"""Status of a program whose original has ended before it: only what it has written says how it ended."""


class Copy:
    """A program that runs, as far as its starters use `subprocess.Popen`."""

    def __init__(self, status: int) -> None:
        """Wait for its number.

        Args:
            status: where its original says its number, and later how it ended.

        Raises:
            OSError: its original is gone.
        """
        self._status, self._reading = status, threading.Lock()
        weakref.finalize(self, os.close, status)
        self.returncode: int | None = None
        said = os.read(status, WIDTH)
        if not said:
            raise ConnectionError("The process to be copied has ended.")
        self.pid = int(said)

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
        if self.returncode is None and not select.select([self._status], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        with self._reading:  # several threads may wait for it
            if self.returncode is None:
                self.returncode = int(os.read(self._status, WIDTH) or UNKNOWN)
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


class Original:
    """The process that is copied, as those know it who ask for copies."""

    def __init__(self, requests: socket.socket, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self._requests, self._process = requests, process
        self._asking, self._ready = threading.Lock(), False

    @classmethod
    def begin(cls, *words: str) -> "Original":
        """Start it; `words` are Python's, such as "-m" and a module, to which the number of its socket is added."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, *words, str(theirs.fileno())], cwd=ROOT, stdin=subprocess.DEVNULL,
                env=os.environ | ONE_THREAD, pass_fds=[theirs.fileno()],
                start_new_session=True,  # it ends when its socket does, not when somebody presses Ctrl-C
            )  # fmt: skip
        return cls(ours, process)

    def is_ready(self, seconds: float | None = 0) -> bool:
        """Whether it has prepared itself, within so many seconds; None waits as long as it takes."""
        with self._asking:
            if not self._ready and select.select([self._requests], [], [], seconds)[0]:
                self._ready = bool(self._requests.recv(1))
            return self._ready

    def copy(self, module: str, words: Sequence[str], environment: Mapping[str, str], out: int, error: int) -> Copy:
        """Start `python -m MODULE WORDS` in the root, as the first of a process group of its own.

        Args:
            module: to run.
            words: its arguments.
            environment: the program's, whole.
            out: the file into which it prints.
            error: the same for its errors.

        Raises:
            OSError: the original is gone.
        """
        ours, theirs = os.pipe()
        try:
            socket.send_fds(
                self._requests, [json.dumps([module, words, dict(environment)]).encode()], [theirs, out, error]
            )
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return Copy(ours)


def serve_copies(channel: int, prepare: Callable[[], object]) -> list[str]:
    """What an original does until nobody is left who could ask it; returns in the copies only, with the words of each.

    Args:
        channel: the number of the socket of `Original`.
        prepare: what all copies have done already when they begin.
    """
    with socket.socket(fileno=channel) as requests:
        prepare()
        gc.collect()
        gc.freeze()  # what is shared with the copies stays shared
        requests.send(b"1")
        return _copy_on_request(requests)


def run(words: Sequence[str]) -> None:
    """As `python -m WORDS`, in this process."""
    sys.argv = [*words]
    sys.path[0] = str(ROOT)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _copy_on_request(requests: socket.socket) -> list[str]:
    """Fork for each request and report how each copy ends; returns in the copies only, with the words of each."""
    awake, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reports: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests.fileno(), awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
            _report_ends(reports)
        if requests.fileno() in ready:
            request, files, _, _ = socket.recv_fds(requests, 2**20, 3)
            if not request:
                sys.exit()  # nobody is left who could ask
            if (pid := os.fork()) == 0:
                for kept in (requests.detach(), awake, wakes, *reports.values()):
                    os.close(kept)
                return _become(json.loads(request), files)
            for file in files[1:]:
                os.close(file)
            reports[pid] = files[0]


def _report_ends(reports: dict[int, int]) -> None:
    """Say how those copies ended that have, as `subprocess` counts."""
    for pid in [*reports]:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(BrokenPipeError):
                os.write(reports[pid], b"%*d" % (WIDTH, os.waitstatus_to_exitcode(status)))
            os.close(reports.pop(pid))


def _become(request: tuple[str, list[str], dict[str, str]], files: list[int]) -> list[str]:
    """Take on what a program gets from outside: signals, output, environment, words."""
    module, words, environment = request
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.write(files[0], b"%*d" % (WIDTH, os.getpid()))
    os.close(files[0])
    for number, file in zip((1, 2), files[1:], strict=True):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    if "dask" in sys.modules:
        importlib.import_module("dask").config.refresh()  # it has read the environment when it was imported
    return [module, *words]
