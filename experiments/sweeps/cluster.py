"""The Dask cluster of a sweep: a new one on this machine, or an existing one at an address.

Each worker must have one thread, see the folder of runs at the same absolute path (one machine, or shared storage),
import this program, and have the same torch. Any other cluster is refused in one sentence before a run begins.
"""

import logging
import multiprocessing
import os
import platform
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dask
import torch
from distributed import Client, LocalCluster, Security
from distributed.comm.core import CommClosedError
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.utils import get_mp_context
from distributed.worker import Worker
from distributed.worker_memory import parse_memory_limit

from analysis.wording import counted
from experiments.config.limits import readable
from experiments.config.run_config import RunConfig
from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.sweeps.work import perform

WAIT_SECONDS = 30.0
"""Seconds within which an existing cluster must answer and have a worker."""

LEAST_MEMORY = 450 * 2**20
"""Bytes that a worker needs before its runs need any: the smallest probes peak at 404 MiB, most of it torch and numba
(measured), and 95 % of the limit is where a worker is ended. With less, each is ended as soon as it has begun."""

SETTINGS = {
    # a run's memory is its own to use, up to the limit at which its worker is ended: nothing is there to be spilled
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.comm.timeouts.connect": "10s",
    # elsewhere than on Linux, libraries that are loaded already do not all survive the copy of their process
    "distributed.worker.multiprocessing-method": "forkserver" if sys.platform == "linux" else "spawn",
}


class ClusterError(ConfigError):
    """A cluster cannot be reached, or does not fit; the message is one sentence that says what to do."""


class Deaf(WorkerPlugin):
    """Make a worker ignore Ctrl-C in the terminal: the client asks it to stop, and the worker commits first."""

    name = "gradient-flow-deaf"

    def setup(self, worker: Worker) -> None:
        """Ignore the signal, if this thread may set that."""
        with suppress(ValueError):
            signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def connected(workers: int, scheduler: str | None = None, memory: str = "auto") -> Iterator[Client]:
    """Connect a client to a new local cluster, or to the cluster at an address.

    Args:
        workers: number of workers of a local cluster, one thread each.
        scheduler: address of an existing one, such as `tcp://10.0.0.1:8786`.
        memory: most memory of each local worker, such as `2GiB`; a worker that uses more is ended. `auto` divides
            the machine's memory.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its words for what we say in ours
    with dask.config.set(SETTINGS):
        if scheduler is None:
            with local(workers, memory) as cluster, Client(cluster, set_as_default=False) as client:
                client.register_plugin(Deaf())
                yield client
        else:
            client = reached(scheduler)
            try:
                yield client
            finally:
                with suppress(Exception):  # a scheduler that has died cannot be told goodbye
                    client.close(timeout=2)


@contextmanager
def local(workers: int, memory: str) -> Iterator[LocalCluster]:
    """A cluster on this machine: one process per worker; a nanny process restarts a worker that dies.

    The processes talk by TLS with a certificate that exists only in their memory, so that nobody else can give them
    work.

    Raises:
        ClusterError: the memory is too small for a worker, or a worker does not start.
    """
    check_worker_memory(memory)
    prepare_to_fork()
    try:
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, memory_limit=memory,
            dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
            security=True,  # a scheduler runs what it is sent, also by another user of this machine
        )  # fmt: skip
    except Exception as error:  # whatever ends a process: Dask raises RuntimeError, OSError and kinds of its own
        raise ClusterError(
            f"the sweep's {counted(workers, 'worker')} did not start ({root_of(error)}); "
            "free some memory, or give fewer --workers."
        ) from None
    try:
        yield cluster
    finally:
        with suppress(Exception):
            cluster.close(timeout=5)


def prepare_to_fork() -> None:
    """Let one process import what a run needs, of which each local worker is a copy: it starts in 0.1 s instead of 3.

    That process has one thread, so a copy of it is whole; it ends with this process.
    """
    if dask.config.get("distributed.worker.multiprocessing-method") == "forkserver":
        get_mp_context()  # the first call sets a list of Dask's own
        multiprocessing.set_forkserver_preload(["distributed.nanny", perform.__module__])


def root_of(error: BaseException) -> str:
    """The first error of a chain, in one line: Dask wraps it in several errors of its own."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":. ")


def check_worker_memory(memory: str) -> None:
    """Raise an error unless the memory is enough for a worker.

    Raises:
        ClusterError: the memory is too small, or the text is no size.
    """
    allowed = f"it must be a size of at least {readable(LEAST_MEMORY)}, such as 2GiB, or auto"
    try:
        size = parse_memory_limit(memory, 1, logger=logging.getLogger(__name__))
    except (ValueError, OverflowError):
        raise ClusterError(f"--memory was {shortened(memory)}; {allowed}.") from None
    if size is not None and size < LEAST_MEMORY:
        part = f", which leaves a worker {readable(max(size, 0))} on this machine" if memory == "auto" else ""
        raise ClusterError(
            f"--memory was {shortened(memory)}{part}; {allowed}: a worker needs that much before it runs anything."
        )


ADDRESS = re.compile(r"(?:(?P<scheme>tcp|tls)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):(?P<port>\d{1,5})")


def check_address(scheduler: str) -> None:
    """Raise ClusterError unless this is a scheduler's address; an address with `tls://` also needs certificates."""
    parts = ADDRESS.fullmatch(scheduler)
    if parts is None or not 0 < int(parts["port"]) < 2**16:
        raise ClusterError(
            f"--scheduler was {scheduler!r}; it must be an address with a port, such as tcp://10.0.0.1:8786."
        )
    if parts["scheme"] != "tls":
        return
    try:
        encrypted = Security().get_connection_args("client")["ssl_context"] is not None
    except (OSError, ValueError) as error:  # a file that is missing, or no certificate
        raise ClusterError(
            f"--scheduler was {scheduler!r}, and the certificates that Dask's configuration names cannot be used "
            f"({root_of(error)}); correct distributed.comm.tls there."
        ) from None
    if not encrypted:
        raise ClusterError(
            f"--scheduler was {scheduler!r}, and Dask's configuration names no certificates; set distributed.comm.tls "
            "there, as docs/cluster.md says."
        )


def reached(scheduler: str) -> Client:
    """Connect a client to an existing cluster that has a worker.

    Raises:
        ClusterError: the text is no address, nothing answers there, or the cluster has no worker.
    """
    check_address(scheduler)
    try:
        client = Client(scheduler, timeout=WAIT_SECONDS / 3, set_as_default=False)
    except Exception as error:  # OSError, TimeoutError, and what another program's answer makes of Dask
        raise ClusterError(
            f"--scheduler was {shortened(scheduler)}; it must be the address of a Dask scheduler that answers, such as "
            f"tcp://10.0.0.1:8786 ({type(error).__name__})."
        ) from None
    try:
        client.wait_for_workers(1, timeout=WAIT_SECONDS)
    except TimeoutError:
        client.close()
        raise ClusterError(
            f"no worker has joined the scheduler at {shortened(scheduler)} within {WAIT_SECONDS:.0f} s; start some "
            f"with `dask worker --nthreads 1 {scheduler}`."
        ) from None
    except OSError:
        raise ClusterError(f"the scheduler at {scheduler!r} is gone; start it, then repeat the command.") from None
    return client


def check_workers(client: Client, session: Path) -> None:
    """Raise an error unless a sweep can use every worker.

    Args:
        client: a client of the cluster.
        session: a file that this client has just written in the sweep's folder.

    Raises:
        ClusterError: the scheduler or a worker cannot import this program; a worker has several threads, a different
            torch, or sees a different folder.
    """
    try:
        client.run_on_scheduler(look, str(session))
    except Exception as error:
        raise ClusterError(
            f"the scheduler cannot import this program ({type(error).__name__}); start it, like its workers, in the "
            "program's folder with PYTHONPATH=. in its environment."
        ) from None
    threads = client.nthreads()
    for worker, count in threads.items():
        if count != 1:
            raise ClusterError(
                f"the worker {worker} has {count} threads; it must have one: start it with `dask worker --nthreads 1`."
            )
    try:
        replies = client.run(look, str(session), on_error="return")
    except Exception as error:
        raise ClusterError(f"the workers cannot be asked what they see ({type(error).__name__}: {error}).") from None
    mine = look(str(session))
    for worker, there in replies.items():
        if isinstance(there, CommClosedError):
            continue  # it has just died, and gets no runs
        if not isinstance(there, dict):
            raise ClusterError(
                f"the worker {worker} cannot import this program ({type(there).__name__}: {there}); start it in the "
                "program's folder with PYTHONPATH=. in its environment."
            )
        if there["content"] != mine["content"]:
            raise ClusterError(
                f"the worker {worker} does not see {str(session.parents[1])!r} as this machine does; the folder of "
                "runs must be on shared storage, at the same path for all workers."
            )
        for what in ("torch", "machine", "identity"):
            if there[what] != mine[what]:
                raise ClusterError(
                    f"the worker {worker} has a different {what} ({there[what]}, here {mine[what]}); it must be the "
                    "same, so that equal runs have equal results."
                )


def look(path: str) -> dict[str, str]:
    """The view of a process: the file's content, its torch, its kind of processor, and its id of a configuration."""
    try:
        content = Path(path).read_text(encoding="utf-8")
    except OSError:
        content = f"nothing on {platform.node()}, process {os.getpid()}"
    return {
        "content": content,
        "torch": torch.__version__,
        "machine": platform.machine(),
        "identity": RunConfig().identity(),
    }
