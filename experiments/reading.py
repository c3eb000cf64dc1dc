"""Read untrusted files: regular files only, and never more than they contain.

Reading a pipe could wait forever, and a device such as /dev/zero never ends.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO


class UnreadableError(OSError):
    """The path is not a regular file, or the file has more bytes than allowed; `strerror` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)


def open_regular(path: Path, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading, without waiting for anything.

    Args:
        path: the file.
        follow: whether the last part may be a symbolic link.

    Raises:
        UnreadableError: a folder, a pipe, a socket or a device.
        OSError: the system refuses.
    """
    never_wait = getattr(os, "O_NONBLOCK", 0)
    never_follow = 0 if follow else getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | never_wait | never_follow)
    except ValueError:  # a zero byte in the name
        raise UnreadableError("no such name is possible") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise UnreadableError("is a directory" if stat.S_ISDIR(mode) else "not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def read_bounded(path: Path, limit: int) -> bytes:
    """The whole content of a regular file of at most `limit` bytes.

    Raises:
        UnreadableError: as for `open_regular`, or a larger file.
        OSError: the system refuses.
    """
    with open_regular(path) as file:
        return read_whole(file, limit)


def read_whole(file: BinaryIO, limit: int) -> bytes:
    """The content of an open file; the buffer is as large as the file, not as the limit.

    Raises:
        UnreadableError: it has more than `limit` bytes.
    """
    size = size_of(file)
    if size > limit:
        raise UnreadableError(f"larger than {limit} bytes")
    return file.read(size)
