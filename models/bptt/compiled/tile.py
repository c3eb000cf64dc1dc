"""A tile of a matrix product: rows of c and 1 or 2 vectors of its columns, held in registers while k goes over the sum.

    c[i, j] ← c[i, j] + Σ_k a[i, k] b[k, j]

The inner loop of every fast product (Goto & van de Geijn 2008, figure 4), made of the compiler's own vectors. Here b is
small and read where it lies. BLAS copies a and b before it multiplies, which for 16 rows takes as long as the product.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic


def vector_bytes() -> int:
    """Of a register of the processor that numba compiles for."""
    features = cpu_target.target_context.codegen().magic_tuple()[-1].split(",")
    return 64 if "+avx512f" in features else 32 if "+avx" in features else 16


VECTOR = vector_bytes()
MANY, FEW = 8, 4
"""Rows of a tile, and of the last one where no more are left. With one vector of columns these are 8 sums or 4."""
ROWS = MANY if VECTOR == 64 else FEW
"""With two vectors of columns: 16 sums, where a processor has 32 registers, or 8 where it has 16. It needs 8, since it
begins two a cycle and each takes 4 cycles. Of more rows, each vector of b that is read serves more sums."""
WHOLE, LANE, PLACE, FLAG = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer(), ir.IntType(1)


def tile_of(rows: int, vectors: int) -> Any:
    """What compiled code calls for a tile of so many rows and vectors."""

    def of_tile(context: Any, a: Any, b: Any, c: Any, m: Any, n: Any, kept: Any, add: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            arrays = [context.make_array(signature.args[k])(context, builder, values[k]) for k in range(3)]
            (a_row, a_column), (b_row, _), (c_row, _) = (cgutils.unpack_tuple(builder, x.strides) for x in arrays)
            (_, count), _, (M, _) = (cgutils.unpack_tuple(builder, x.shape) for x in arrays)
            places = [builder.bitcast(x.data, PLACE) for x in arrays]
            number = context.get_value_type(c.dtype)
            function = shared_function(builder.module, number, c.dtype.bitwidth // 8, rows, vectors)
            builder.call(function, [*places, a_row, a_column, b_row, c_row, M, count, *values[3:]])
            return context.get_dummy_value()

        return types.void(a, b, c, types.int64, types.int64, types.int64, types.boolean), generate

    return intrinsic(of_tile)


two_vectors: Any = tile_of(ROWS, 2)
"""`two_vectors(a, b, c, m, n, 0, add)`: the tile from row m and column n on, from zero or with `add` from c itself.

Compiled code only. A row beyond the last is the last once more.
"""
two_vectors_of_few: Any = tile_of(FEW, 2)

one_vector: Any = tile_of(MANY, 1)
"""`one_vector(a, b, c, m, n, kept, add)`: the same with one vector, whose first `kept` columns stay as they are."""
one_vector_of_few: Any = tile_of(FEW, 1)


def shared_function(module: Any, number: Any, size: int, rows: int, vectors: int) -> Any:
    """The function for tiles of this shape and numbers of so many bytes: made once in a module.

    It is not copied into its callers. A pass has a dozen products, and each copy would be compiled by itself.
    """
    kind = ir.FunctionType(ir.VoidType(), [*[PLACE] * 3, *[WHOLE] * 9, FLAG])
    function = cgutils.get_or_insert_function(module, kind, f"tile_of_{rows}_rows_{vectors}_vectors_of_{size}_bytes")
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        Tile(function, number, size, rows, vectors).write()
    return function


class Tile:
    """The code of that function, whose arguments are the places of a, b and c and what `tile_of` gives with them."""

    def __init__(self, function: Any, number: Any, size: int, rows: int, vectors: int) -> None:
        self.builder = ir.IRBuilder(function.append_basic_block())
        self.number, self.size, self.vectors, self.lanes = number, size, vectors, VECTOR // size
        self.vector = ir.VectorType(number, self.lanes)
        a, b, c, a_row, self.a_column, self.b_row, c_row, M, self.count, m, n, self.kept, self.add = function.args
        last = self.builder.sub(M, self.whole(1))
        which = [self.smaller(self.builder.add(m, self.whole(i)), last) for i in range(rows)]
        self.a = [self.moved(a, i, a_row) for i in which]
        self.b = self.moved(b, n, self.whole(size))
        self.c = [self.moved(self.moved(c, i, c_row), n, self.whole(size)) for i in which]

    def write(self) -> None:
        """Load c, add the products, store c."""
        builder = self.builder
        places = [[self.moved(row, self.whole(v), self.whole(VECTOR)) for v in range(self.vectors)] for row in self.c]
        before = [[self.load(place) for place in row] for row in places]
        zero = ir.Constant(self.vector, None)
        sums = [[cgutils.alloca_once_value(builder, builder.select(self.add, c, zero)) for c in row] for row in before]
        self.add_products(sums)
        for i in range(len(sums)):
            for v in range(self.vectors):
                after = builder.load(sums[i][v])
                after = builder.select(self.is_new(), after, before[i][v]) if v == 0 else after
                builder.store(after, self.as_vector(places[i][v]), align=self.size)
        builder.ret_void()

    def add_products(self, sums: list[list[Any]]) -> None:
        """sums[i][v] ← sums[i][v] + Σ_k a[i, k] b[k, v]. Variables in name: the compiler keeps them in registers."""
        builder = self.builder
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.size}"
        signature = ir.FunctionType(self.vector, [self.vector] * 3)
        multiply_add = cgutils.get_or_insert_function(builder.module, signature, name)
        with cgutils.for_range(builder, self.count) as loop:
            row = self.moved(self.b, loop.index, self.b_row)
            b = [self.load(self.moved(row, self.whole(v), self.whole(VECTOR))) for v in range(self.vectors)]
            for i in range(len(sums)):
                place = self.moved(self.a[i], loop.index, self.a_column)
                a = self.in_all_lanes(builder.load(builder.bitcast(place, self.number.as_pointer())), self.vector)
                for v in range(self.vectors):
                    builder.store(builder.call(multiply_add, [a, b[v], builder.load(sums[i][v])]), sums[i][v])

    def whole(self, number: int) -> Any:
        """A constant of the indices' type."""
        return ir.Constant(WHOLE, number)

    def smaller(self, i: Any, j: Any) -> Any:
        """min(i, j)."""
        return self.builder.select(self.builder.icmp_signed("<", i, j), i, j)

    def moved(self, place: Any, steps: Any, size: Any) -> Any:
        """So many steps of so many bytes after a place."""
        return self.builder.gep(place, [self.builder.mul(steps, size)])

    def as_vector(self, place: Any) -> Any:
        """The same place, where a vector is."""
        return self.builder.bitcast(place, self.vector.as_pointer())

    def load(self, place: Any) -> Any:
        """The vector that begins there."""
        return self.builder.load(self.as_vector(place), align=self.size)

    def in_all_lanes(self, value: Any, vector: Any) -> Any:
        """A vector that has the number in all its lanes."""
        unknown = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(unknown, value, ir.Constant(LANE, 0))
        return self.builder.shuffle_vector(first, unknown, ir.Constant(ir.VectorType(LANE, self.lanes), None))

    def is_new(self) -> Any:
        """Which lanes of the first vector are stored."""
        vector = ir.VectorType(WHOLE, self.lanes)
        lanes = ir.Constant(vector, list(range(self.lanes)))
        return self.builder.icmp_signed(">=", lanes, self.in_all_lanes(self.kept, vector))
