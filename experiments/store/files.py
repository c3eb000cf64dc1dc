"""Writing a file so that it is whole or not there, and reading one that nobody vouches for."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from experiments.store.errors import DamagedRunError, ForeignRunError

TEMPORARY = ".partial"
"""Ending of a file that is being written; whatever has it may be deleted when nobody writes."""


def write_bytes(path: Path, content: bytes) -> None:
    """Put the content in a file, as far as the operating system is concerned; see `synchronise` for the disk."""
    with path.open("wb") as file:
        file.write(content)


def temporary(path: Path) -> Path:
    """Where the file is written before it takes its name."""
    return path.with_name(path.name + TEMPORARY)


def write_beside(path: Path, content: bytes) -> None:
    """Have the content on the disk beside the file; folders are made. `replace_all` gives it the file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(temporary(path), content)
    synchronise([temporary(path)])


def replace_all(contents: Mapping[Path, bytes], within: Path, ready: Iterable[Path] = ()) -> None:
    """Each file holds its new content or its old one, never a part, even if the power fails; folders are made.

    Args:
        contents: path → content.
        within: a folder above all of them: it and those above it exist already.
        ready: files whose new content is on the disk beside them (see `write_beside`).
    """
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(temporary(path), content)
    synchronise(temporary(path) for path in contents)
    paths = [*contents, *ready]
    for path in paths:
        temporary(path).replace(path)
    synchronise(parent for path in paths for parent in path.parents if parent == within or within in parent.parents)


def synchronise(paths: Iterable[Path]) -> None:
    """Return when the disk has these files and folders; side by side, since a journal commits them together."""
    unique = list(dict.fromkeys(paths))
    if len(unique) <= 1:
        for path in unique:
            _fsync(path)
        return
    with ThreadPoolExecutor(min(16, len(unique))) as pool:
        list(pool.map(_fsync, unique))


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
    real = path.resolve()  # the links of every part, those of `folder` too
    if real != folder.resolve() / relative:
        raise ForeignRunError(f"{relative!r} in {str(folder)!r} leads out of the run folder, so it is not opened.")
    if not real.exists():
        raise FileNotFoundError(real)
    if not real.is_file():
        raise ForeignRunError(f"{relative!r} in {str(folder)!r} is not a regular file, so it is not opened.")
    return real


def read_small(folder: Path, relative: str, limit: int = 2**22) -> bytes:
    """The content of a file inside the run folder.

    Raises:
        DamagedRunError: it is missing.
        ForeignRunError: it leads out of the folder, or has more than `limit` bytes, which ours never have.
    """
    try:
        with inside(folder, relative).open("rb") as file:
            content = read_bounded(file, limit)
    except FileNotFoundError:
        raise DamagedRunError(f"{relative!r} is missing in {str(folder)!r}.") from None
    if content is None:
        raise ForeignRunError(f"{relative!r} in {str(folder)!r} has more than {limit} bytes, so it is not one of ours.")
    return content


def read_bounded(file: BinaryIO, limit: int) -> bytes | None:
    """The content of a regular file; None where it has more than `limit` bytes.

    Python sets as much memory aside as it is asked to read, so it is asked for no more than the file has.
    """
    size = os.fstat(file.fileno()).st_size
    return file.read(size) if size <= limit else None


def refuse_links(folder: Path) -> None:
    """Nothing, if everything in the folder is a plain file or folder: only then is it safe to write and delete there.

    Raises:
        ForeignRunError: there is a symbolic link in it.
    """
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink():
                raise ForeignRunError(
                    f"{str(path.relative_to(folder))!r} in {str(folder)!r} is a symbolic link, which this program "
                    "never makes, so nothing is written there."
                )
