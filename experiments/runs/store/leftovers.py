"""What a killed process leaves beside runs, sweeps and exports: found by the maker in its name, and taken away.

Whatever is half made is hidden, and names its maker: `.NAME.HOST-PID-BORN-TOKEN.partial`, or `….deleted` for a run that
is being deleted. While that process lives, nobody touches it.
"""

import os
import re
import shutil
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from experiments.runs.store.files import TEMPORARY
from experiments.runs.store.lease import born

DELETED = ".deleted"
"""Ending of a run that is on its way out."""
MAKER = re.compile(r"\..*\.([0-9a-f]{8})-([0-9]{1,10})-([0-9]{1,20})-[0-9a-f]{8}\.(partial|deleted)", re.DOTALL)
NO_MAKER = re.compile(r"\..+\.[0-9a-f]{8}\.(partial|deleted)", re.DOTALL)
"""As earlier versions of the program named them."""
OLD_SECONDS = 86_400.0
"""Where nobody can say whether its maker lives, what is a day old counts as left behind."""
LONGEST_PART = 100
"""Bytes of the name that is kept in the hidden one: a system allows 255."""


def hidden_beside(path: Path, ending: str = TEMPORARY) -> Path:
    """A free name in the same folder, for what this process makes or takes away."""
    kept = path.name.encode(errors="replace")[:LONGEST_PART].decode(errors="ignore")
    pid = os.getpid()
    return path.with_name(f".{kept}.{_host()}-{pid}-{born(pid)}-{token_hex(4)}{ending}")


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def is_abandoned(path: Path) -> bool:
    """Whether it is something half made, or half deleted, whose maker is dead."""
    made = MAKER.fullmatch(path.name)
    if made and made[1] == _host() and Path("/proc/self/stat").exists():
        return born(int(made[2])) != int(made[3])
    if not made and not NO_MAKER.fullmatch(path.name):
        return False
    try:
        return time.time() - path.lstat().st_mtime > OLD_SECONDS
    except OSError:
        return False


def remove_abandoned(folder: Path) -> list[Path]:
    """Delete what dead processes have left in a folder; what was deleted."""
    gone = []
    for path in _abandoned(folder):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            gone.append(path)
    return gone


def _abandoned(folder: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        yield from [Path(entry.path) for entry in entries if is_abandoned(Path(entry.path))]


def unfinished(folder: Path) -> list[Path]:
    """What a killed writer has left in a run folder, or a living one is about to give its name."""
    found = []
    for parent, _, files in os.walk(folder):  # it follows no links
        found += [Path(parent, name) for name in files if name.endswith(TEMPORARY)]
    return found


def remove_unfinished(folder: Path) -> list[Path]:
    """Delete what a killed writer has left in a run folder, whose lease the caller holds; what was deleted."""
    gone = []
    for path in unfinished(folder):
        with suppress(OSError):
            path.unlink()
            gone.append(path)
    return gone
