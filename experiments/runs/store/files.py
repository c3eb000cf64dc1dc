"""Write files completely or not at all, and read untrusted files."""

import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from experiments.reading import UnreadableError, open_regular, read_whole
from experiments.runs.store.errors import DamagedRunError, ForeignRunError

TEMPORARY = ".partial"
"""Ending of a file that is being written; whatever has it may be deleted when nobody writes."""


def write_bytes(path: Path, content: bytes) -> None:
    """Put the content in a new file, as far as the operating system is concerned; see `synchronise` for the disk.

    Raises:
        FileExistsError: there is something of that name, if only a link that leads nowhere.
    """
    with path.open("xb") as file:
        file.write(content)


def temporary(path: Path) -> Path:
    """A temporary name for the file, at which nobody can have put a link."""
    return path.with_name(f"{path.name}.{token_hex(4)}{TEMPORARY}")


def write_beside(path: Path, content: bytes) -> Path:
    """Have the content on the disk in a new file beside `path`, which is returned; folders are made.

    `replace_all` gives it the file's name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = temporary(path)
    write_bytes(beside, content)
    synchronise([beside])
    return beside


def replace_all(contents: Mapping[Path, bytes], within: Path, ready: Mapping[Path, Path] | None = None) -> None:
    """Replace files completely: each has its new or its old content, even if the power fails; folders are made.

    Args:
        contents: path → content.
        within: a folder above all of them: it and those above it exist already.
        ready: path → the file beside it that has its new content, on the disk (see `write_beside`).
    """
    written: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            written[path] = temporary(path)
            write_bytes(written[path], content)
        synchronise(written.values())
    except OSError:
        for beside in written.values():
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        raise
    paths = {**written, **(ready or {})}
    for path, beside in paths.items():
        beside.replace(path)
    synchronise(parent for path in paths for parent in path.parents if parent == within or within in parent.parents)


def replace_quickly(path: Path, content: bytes) -> None:
    """The file holds its new content or its old one, never a part; after a loss of power it may hold the old one.

    Raises:
        OSError: the system refuses; nothing of the new content is left.
    """
    beside = temporary(path)
    try:
        write_bytes(beside, content)
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def synchronise(paths: Iterable[Path]) -> None:
    """Wait until the disk has these files and folders; all at once, since a journal commits them together."""
    unique = list(dict.fromkeys(paths))
    if len(unique) <= 1:
        for path in unique:
            _fsync(path)
        return
    try:
        with ThreadPoolExecutor(min(16, len(unique))) as pool:
            list(pool.map(_fsync, unique))
    except RuntimeError:  # the interpreter is ending, and starts no thread any more
        for path in unique:
            _fsync(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def inside(folder: Path, relative: str) -> Path:
    """The path of a regular file in a run folder that may come from a stranger.

    Raises:
        ForeignRunError: the path leaves the folder by `..`, a leading `/` or a symbolic link, or is no file.
        FileNotFoundError: there is nothing.
    """
    path = folder / relative
    try:
        real = path.resolve()  # the links of every part, those of `folder` too
        leaves = real != folder.resolve() / relative
    except (OSError, RuntimeError, ValueError):  # links in a circle, or a name that cannot be
        leaves = True
    if leaves:
        raise ForeignRunError(f"{relative!r} in {str(folder)!r} leads out of the run folder, so it is not opened.")
    if not real.exists():
        raise FileNotFoundError(real)
    if not real.is_file():
        raise ForeignRunError(f"{relative!r} in {str(folder)!r} is not a regular file, so it is not opened.")
    return real


def open_inside(folder: Path, relative: str) -> BinaryIO:
    """A regular file in a run folder that may come from a stranger, open for reading.

    Raises:
        FileNotFoundError: there is nothing.
        ForeignRunError: it leads out of the folder, or is no regular file.
        DamagedRunError: the system does not let it be read.
    """
    try:
        return open_regular(inside(folder, relative), follow=False)
    except FileNotFoundError:
        raise
    except UnreadableError:
        raise ForeignRunError(f"{relative!r} in {str(folder)!r} is not a regular file, so it is not opened.") from None
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise DamagedRunError(f"{relative!r} in {str(folder)!r} cannot be read ({reason}).") from None


def read_small(folder: Path, relative: str, limit: int = 2**22) -> bytes:
    """The content of a file inside the run folder; no more memory is asked for than the file has bytes.

    Raises:
        DamagedRunError: it is missing, or cannot be read.
        ForeignRunError: it leads out of the folder, or has more than `limit` bytes, which ours never have.
    """
    try:
        with open_inside(folder, relative) as file:
            return read_whole(file, limit)
    except FileNotFoundError:
        raise DamagedRunError(f"{relative!r} is missing in {str(folder)!r}.") from None
    except UnreadableError:
        raise ForeignRunError(
            f"{relative!r} in {str(folder)!r} has more than {limit} bytes, so this program did not write it."
        ) from None
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise DamagedRunError(f"{relative!r} in {str(folder)!r} cannot be read ({reason}).") from None


def refuse_strange_entries(folder: Path) -> None:
    """Raise an error unless the folder has only plain files and folders: then it is safe to write and delete there.

    Raises:
        ForeignRunError: there is a link, a pipe or a device in it, or a file that has another name elsewhere, too.
    """
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            seen = path.lstat()
            plain_file = stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1
            if not (plain_file or stat.S_ISDIR(seen.st_mode)):
                what = "symbolic link" if stat.S_ISLNK(seen.st_mode) else "hard link"
                what = what if stat.S_ISLNK(seen.st_mode) or stat.S_ISREG(seen.st_mode) else "pipe or a device"
                raise ForeignRunError(
                    f"{str(path.relative_to(folder))!r} in {str(folder)!r} is a {what}, which this program "
                    "never makes, so nothing is written there."
                )
