"""Weights files that visitors have uploaded: read once, and kept in memory under keys that nobody guesses."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dashboard.server.bounded_uploads import LARGEST_UPLOAD
from dashboard.server.visitor import new_token
from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.weights import FoundStack, stacks_of

MOST_UNPACKED = 2**28
"""Bytes that an uploaded file may unpack to: 256 MiB."""
MOST_OF_ONE = 2
"""Files that are kept for one visitor; the older ones go."""
MOST_KEPT = 2**29
"""Bytes of weights that are kept for all visitors: 512 MiB; the oldest files go."""


@dataclass(frozen=True, eq=False)
class Upload:
    """A visitor's file."""

    name: str
    """As the visitor's machine has it: a stranger's text."""
    stacks: tuple[FoundStack, ...]
    """The recurrent layers in it."""
    visitor: str

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return sum(weight.nbytes for stack in self.stacks for weight in stack.weights.values())


class Uploads:
    """The files of all visitors. Who has no key opens none, and a key is in its visitor's browser alone."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, upload: Upload) -> str:
        """Keep a file, and let older ones go where there are too many; its key."""
        key = new_token()
        with self._lock:
            self._kept[key] = upload
            own = [k for k, kept in self._kept.items() if kept.visitor == upload.visitor]
            for old in own[:-MOST_OF_ONE]:
                del self._kept[old]
            while len(self._kept) > 1 and sum(kept.size for kept in self._kept.values()) > MOST_KEPT:
                self._kept.popitem(last=False)
        return key

    def find(self, key: str) -> Upload:
        """The file of a key.

        Raises:
            ConfigError: it is not kept, or no longer.
        """
        with self._lock:
            if key not in self._kept:
                raise ConfigError("The uploaded file is no longer kept here; upload it again.")
            return self._kept[key]


UPLOADS = Uploads()


def read_upload(name: str, content: bytes, visitor: str) -> Upload:
    """The recurrent layers in a file's content. It lies in a temporary folder only while it is read.

    Raises:
        ConfigError: it is too large, cannot be read, or has no recurrent layer.
    """
    given = f"The file was {shortened(name)}"
    if len(content) > LARGEST_UPLOAD:
        raise ConfigError(f"{given}, of {len(content):,} bytes; at most {LARGEST_UPLOAD:,} are taken.")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights"
        path.write_bytes(content)
        try:
            stacks = stacks_of(path, content[:16], MOST_UNPACKED)
        except ConfigError as error:
            raise ConfigError(f"{given}: {error}") from None
    if not stacks:
        raise ConfigError(f"{given}; it has no RNN, LSTM or GRU, so choose another file.")
    return Upload(name, tuple(stacks), visitor)
