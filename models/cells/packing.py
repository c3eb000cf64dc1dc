"""How a cell's weights lie in the matrices of its compiled passes. Imports no compiler."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Packing:
    """Which matrix W = [W_hh, b, W_ih] holds each row block of the weights, by its index and in the blocks' order.

    One matrix per product: where a block's parts are not added up, as in r⊙(W_hn h' + b_hn), they are in two.
    """

    inputs: tuple[int, ...]
    """Of the blocks of `weight_ih`."""
    hidden: tuple[int, ...]
    """Of the square blocks of `weight_hh`."""
    num_gates: int
    """Arrays [time, batch, unit] that the forward pass keeps besides the states, the gates first: at most four."""
    num_states: int = 1
    option: int = 0
    """What the compiled step is told of the cell's options."""
    bias_ih: tuple[int, ...] | None = None
    """Of the blocks of `bias_ih`; None for those of `inputs`."""
    bias_hh: tuple[int, ...] | None = None
    """Of the blocks of `bias_hh`; None for those of `hidden`."""
    vectors: tuple[str, ...] = ()
    """Parameters that multiply unit by unit, such as peepholes, one below the other."""
    bare_input: int | None = None
    """The matrix that hands x on as it is: the identity, and no parameter."""

    @property
    def blocks(self) -> int:
        """Number of matrices."""
        others = () if self.bare_input is None else (self.bare_input,)
        return max(self.inputs + self.hidden + others) + 1

    @property
    def of_bias_ih(self) -> tuple[int, ...]:
        """The matrix of each block of `bias_ih`."""
        return self.inputs if self.bias_ih is None else self.bias_ih

    @property
    def of_bias_hh(self) -> tuple[int, ...]:
        """The matrix of each block of `bias_hh`."""
        return self.hidden if self.bias_hh is None else self.bias_hh
