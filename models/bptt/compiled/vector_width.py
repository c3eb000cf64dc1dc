"""Loops over whole vectors of 512 bits, on processors that have them and do not slow down for them.

By default LLVM takes 256 of the bits, for the sake of the first processors with AVX-512, which lowered their clock. It
has a switch for each function, but numba does not: the compiler below sets it.
"""

from functools import cache
from typing import Any

from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

SINCE_ICE_LAKE = "avx512bitalg"
"""A feature of the processors with AVX-512 that keep their clock: Intel's since Ice Lake, AMD's since Zen 4."""
WHOLE_VECTORS = '"prefer-vector-width"="512"'


class _WholeVectors(Lower):
    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)
        set.add(self.function.attributes, WHOLE_VECTORS)  # past llvmlite's list of the switches that it knows


@register_pass(mutates_CFG=True, analysis_only=False)
class _LoweringToWholeVectors(NativeLowering):
    _name = "native_lowering_to_whole_vectors"

    @property
    def lowering_class(self) -> type[Lower]:
        """Numba's own, but for the switch."""
        return _WholeVectors


class _Compiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [
            (_LoweringToWholeVectors if made is NativeLowering else made, words) for made, words in pipeline.passes
        ]
        pipeline.finalize()
        return [pipeline]


@cache
def vector_options() -> dict[str, Any]:
    """The options of `njit` for the widest vectors that this processor has without loss."""
    return {"pipeline_class": _Compiler} if get_host_cpu_features().get(SINCE_ICE_LAKE, False) else {}
