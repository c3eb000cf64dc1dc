"""For a process that compiles passes into files and runs none: a pass is compiled as one, once.

numba makes a library of each function, with all that it calls in it, and each is optimized, translated to machine code
and wrapped for Python. Of a pass's two hundred the last alone is used: the other work is half of the time.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

from models.bptt.compiled.cache import PASSES


class Part(JITCodeLibrary):
    """The library of a function that passes call: code to be linked into theirs, as it was written."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        """The pass that has it does that."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """There is no machine code to point at."""
        return 0


def compile_for_files_alone() -> None:
    """From here on the process compiles passes as wholes. What it compiles cannot be called in it."""
    context = cpu_target.target_context
    codegen: Any = context.codegen()
    codegen._library_class = library_of
    codegen.set_env = nothing
    for name in ("create_cpython_wrapper", "create_cfunc_wrapper"):
        setattr(context, name, for_passes(getattr(context, name)))


def library_of(codegen: Any, name: str) -> JITCodeLibrary:
    """A whole library for a pass, whose name begins so, and parts for all others."""
    return JITCodeLibrary(codegen, name) if name.startswith(PASSES) else Part(codegen, name)


def for_passes(make_wrapper: Any) -> Any:
    """A function's wrapper for Python, made for passes only."""

    def make(library: JITCodeLibrary, *of_function: Any, **options: Any) -> None:
        if not isinstance(library, Part):
            make_wrapper(library, *of_function, **options)

    return make


def nothing(*_: Any) -> None:
    """In place of giving a function that is not there its environment."""
