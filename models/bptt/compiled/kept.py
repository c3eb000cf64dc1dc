"""A compiled pass in a file, where numba looks for it before it compiles and puts it afterwards.

numba's own cache looks at the file of the outermost function only, and at that file's path.
"""

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from models.bptt.compiled.cache import find


class Kept(_Cache):
    """One signature of one function, in one file of the folder."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self.folder, self.name = folder, name

    @property
    def cache_path(self) -> str:
        """The folder, as numba asks for it."""
        return str(self.folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function; None if it has to be compiled, as for a file that was cut off."""
        target_context.refresh()
        file = find(self.name, self.folder)
        if file is None:
            return None
        with contextlib.suppress(OSError):
            os.utime(file)  # old files are deleted when they were not used for long
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(file.read_bytes()))
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Keep it; a reader sees the whole file or none. A full disk costs the file alone."""
        if self.folder is None:
            return
        partial = self.folder / f"{self.name}.{os.getpid()}.partial"
        try:
            partial.write_bytes(dumps(cres._reduce()))
            partial.replace(self.folder / self.name)
        except OSError:
            partial.unlink(missing_ok=True)

    def enable(self) -> None:
        """It is always on."""

    def disable(self) -> None:
        """It is always on."""

    def flush(self) -> None:
        """Nothing waits to be written."""
