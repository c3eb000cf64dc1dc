"""The lease of a run: one process may write it. Who that is, on which host, and whether it still lives."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import orjson
from annotated_types import Ge, Le

from experiments.checked import STRICT, Clock, Count, Word, checked
from experiments.runs.store.errors import RunInUseError
from experiments.runs.store.files import read_small, temporary, write_bytes

LEASE = "lease.json"
LOCK = "lease.lock"
HEARTBEAT_SECONDS = 5.0
LARGEST_LEASE = 2**16
"""Most bytes of the lease's file."""
STALE_SECONDS = 60.0
"""Seconds without a heartbeat after which a writer on another host counts as dead."""


@dataclass(frozen=True)
class Holder:
    """The process that writes the run."""

    __pydantic_config__ = STRICT

    pid: Annotated[int, Ge(1), Le(2**31 - 1)]
    host: Word
    born: Count
    """Start of the process in the kernel's ticks, since a pid can be used again. 0 if it is not known."""
    token: Word
    since: Clock
    """Seconds since 1970."""


def me() -> Holder:
    """This process, with a new token."""
    pid = os.getpid()
    return Holder(pid, socket.gethostname(), born(pid), secrets.token_hex(8), time.time())


def born(pid: int) -> int:
    """Start of a process on this host in the kernel's ticks; 0 if the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in ("Z", "X") else int(fields[19])  # a zombie writes nothing any more


def read_holder(folder: Path) -> Holder | None:
    """Who holds the lease; None if nobody does, or if the file cannot be read."""
    try:
        return checked(Holder, read_small(folder, LEASE, LARGEST_LEASE))
    except ValueError:  # missing, not a regular file, no JSON, or not what we write there
        return None


def alive(folder: Path, holder: Holder) -> bool:
    """Whether the holder still lives. On this host the process must exist; on another host the heartbeat decides."""
    if holder.host == socket.gethostname():
        if Path("/proc/self/stat").exists():
            return holder.born == born(holder.pid) != 0
        try:
            os.kill(holder.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    try:
        return abs(time.time() - (folder / LEASE).stat().st_mtime) < STALE_SECONDS  # a time to come is a stranger's
    except OSError:
        return False


def is_held(folder: Path) -> bool:
    """Whether a living process is writing this run."""
    holder = read_holder(folder)
    return holder is not None and alive(folder, holder)


class Lease:
    """The right to write a run folder, from `acquire` to `release`; its heartbeat is the file's modification time."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.folder, self.holder = folder, holder
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)
        self.thread.start()

    @classmethod
    def acquire(cls, folder: Path) -> "Lease":
        """Take a free lease, or the lease of a dead writer.

        Raises:
            RunInUseError: a living process holds it.
        """
        with locked(folder):
            holder = read_holder(folder)
            if holder is not None and alive(folder, holder):
                raise RunInUseError(
                    f"run {folder.name} is being written by process {holder.pid} on {holder.host}; "
                    "stop that one first, or wait until it ends."
                )
            mine = me()
            beside = temporary(folder / LEASE)
            write_bytes(beside, orjson.dumps(asdict(mine)))
            beside.replace(folder / LEASE)
            return cls(folder, mine)

    def confirm(self) -> None:
        """Raise an error unless the lease is still ours.

        Raises:
            RunInUseError: another process has taken it over; it may do so after a minute without a heartbeat.
        """
        holder = read_holder(self.folder)
        if holder is None or holder.token != self.holder.token:
            raise RunInUseError(
                f"run {self.folder.name} was taken over by another process; this process has stopped writing it."
            )

    def release(self) -> None:
        """Let others write the run; does nothing if the lease is no longer ours."""
        self.ended.set()
        with locked(self.folder):
            holder = read_holder(self.folder)
            if holder is not None and holder.token == self.holder.token:
                (self.folder / LEASE).unlink(missing_ok=True)

    def forget(self) -> None:
        """Stop the heartbeat of a folder that was renamed or deleted."""
        self.ended.set()

    def _beat(self) -> None:
        while not self.ended.wait(HEARTBEAT_SECONDS):
            try:
                if (holder := read_holder(self.folder)) is None or holder.token != self.holder.token:
                    return
                os.utime(self.folder / LEASE, (time.time(), time.time()))
            except OSError:  # a disk that is gone shows at the next commit
                return


LOCK_FLAGS = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""These flags do not follow a link, and do not wait for a pipe or device that somebody put in its place."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """While this holds, no other process can read and take the lease."""
    with os.fdopen(os.open(folder / LOCK, LOCK_FLAGS, 0o666), "a") as file:
        try:
            import fcntl
        except ImportError:  # not a POSIX system: two that start within the same millisecond are not told apart
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
