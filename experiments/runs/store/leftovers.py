"""Find and remove files that killed processes left beside runs, sweeps and exports.

Every unfinished file is hidden, and its name has its maker: `.NAME.HOST-PID-BORN-TOKEN.partial`, or `….deleted` for a
run that is being deleted. While that process lives, nobody touches the file.
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
"""Ending of the name of a run that is being deleted."""
MAKER = re.compile(r"\..*\.([0-9a-f]{8})-([0-9]{1,10})-([0-9]{1,20})-[0-9a-f]{8}\.(partial|deleted)", re.DOTALL)
NO_MAKER = re.compile(r"\..+\.[0-9a-f]{8}\.(partial|deleted)", re.DOTALL)
"""The names that earlier versions of the program used."""
OLD_SECONDS = 86_400.0
"""Seconds: if it is unknown whether the maker lives, a file of this age counts as abandoned."""
LONGEST_PART = 100
"""Most bytes of the name within the hidden name: systems allow 255 in all."""


def hidden_beside(path: Path, ending: str = TEMPORARY) -> Path:
    """A free hidden name in the same folder, for a file that this process makes or deletes."""
    kept = path.name.encode(errors="replace")[:LONGEST_PART].decode(errors="ignore")
    pid = os.getpid()
    return path.with_name(f".{kept}.{_host()}-{pid}-{born(pid)}-{token_hex(4)}{ending}")


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def is_abandoned(path: Path) -> bool:
    """Whether a file is half made or half deleted, and its maker is dead."""
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
    """Delete the files that dead processes left in a folder. Returns their paths."""
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
    """Temporary files in a run folder: left by a killed writer, or about to get their names from a living one."""
    found = []
    for parent, _, files in os.walk(folder):  # it follows no links
        found += [Path(parent, name) for name in files if name.endswith(TEMPORARY)]
    return found


def remove_unfinished(folder: Path) -> list[Path]:
    """Delete a killed writer's temporary files in a run folder; the caller holds its lease. Returns their paths."""
    gone = []
    for path in unfinished(folder):
        with suppress(OSError):
            path.unlink()
            gone.append(path)
    return gone
