"""Arrays whose users are not counted.

numba counts who refers to an array's memory: every slice adds one and takes it away again, by instructions on which the
processor waits. Of an LSTM's backward step they were a fifth of the time.
"""

from typing import Any, TypeVar

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

Arrays = TypeVar("Arrays")


def borrowed(arrays: Arrays) -> Arrays:
    """The same memory of an array, or of a tuple of arrays, uncounted; compiled code only.

    Its owner must live longer: a function borrows what it is given, and nothing that it allocates itself.
    """
    raise NotImplementedError


@overload(borrowed, strict=False)
def choose_borrowed(arrays: object) -> object:
    """The same for all types."""
    return lambda arrays: without_owner(arrays)


def borrow(context: Any, arrays: Any) -> Any:
    """The type of the result, and what makes its code."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return uncounted(context, builder, signature.return_type, values[0])

    return arrays(arrays), generate


without_owner: Any = intrinsic(borrow)


def uncounted(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The array's description with no owner; of each in a tuple."""
    if isinstance(kind, types.Tuple | types.UniTuple):
        parts = zip(kind.types, cgutils.unpack_tuple(builder, value), strict=True)
        return context.make_tuple(builder, kind, [uncounted(context, builder, k, part) for k, part in parts])
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = ir.Constant(array.meminfo.type, None)
    array.parent = ir.Constant(array.parent.type, None)
    return array._getvalue()
