"""The functions that the compiled passes need from a cell: each cell has them in its `compiled.py`.

`passes.py` puts them in the place of these, so that each cell has two passes of its own, with everything compiled in.
"""

from models.bptt.compiled.jit import Array, Exponents, Gates


def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """The factors of product p: 0 for no state, 1 for h', 2 + k for `others[k]`; whether a bias; whether x."""
    raise NotImplementedError


def vector_factor(option: int, row: int) -> tuple[int, int]:
    """For a row of the unit-by-unit parameters: the preactivation that it belongs to, and its factor, 1 or 2 + k."""
    raise NotImplementedError


def count_others(option: int) -> int:
    """How many factors the weights' gradients need besides h' and x."""
    raise NotImplementedError


def forward_step(option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates) -> None:
    """Fill h, c and the gates from h' and c'; `states` are h', h, c', c, and hx is [h', 1, x]."""
    raise NotImplementedError


def is_saturated(
    option: int, states: Gates, gates: Gates, grads: tuple[Array, Array], carried: tuple[Array, Array]
) -> bool:
    """Whether some slope has lost its digits, so that the step must be computed by `saturated.py`.

    `grads` and `carried` are those that `backward_step` would read.
    """
    raise NotImplementedError


def backward_step(
    option: int,
    W: Array,
    vectors: Array,
    states: Gates,
    gates: Gates,
    grads: tuple[Array, Array],
    carried: tuple[Array, Array],
    da: Array,
    others: Array,
    top: int,
) -> None:
    """From dL/dh_t (the first of `grads`) and the carried gradients: da, dL/dc_t and the next carried gradients.

    da and `others` are filled from row `top` on.
    """
    raise NotImplementedError


def saturated_step(
    option: int,
    matrices: tuple[Array, Array],
    vectors: Array,
    states: Gates,
    gates: Gates,
    grads: tuple[Array, Array],
    exponents: tuple[Exponents, Exponents, Exponents],
    carried: tuple[Array, Array],
    da: Array,
    row_exponent: Exponents,
    hx: Array,
    others: Array,
) -> None:
    """The same with slopes from preactivations; each row has its own exponent, and da is this step's alone.

    `matrices` are W and its transpose; `exponents` [sample] those of dL/dc_t, of the carried h and c.
    """
    raise NotImplementedError
