"""How a cell's weights are arranged in the matrices of its compiled passes. Imports no compiler."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Packing:
    """For each row block of the weights, the index of the matrix W = [W_hh, b, W_ih] that holds it.

    There is one matrix per product. A block whose parts are not simply added, as in r⊙(W_hn h' + b_hn), needs two.
    """

    inputs: tuple[int, ...]
    """The matrix of each block of `weight_ih`."""
    hidden: tuple[int, ...]
    """The matrix of each square block of `weight_hh`."""
    num_gates: int
    """How many arrays [time, batch, unit] the forward pass keeps besides the states, gates first: at most four."""
    num_states: int = 1
    option: int = 0
    """The cell's options as a number for the compiled step."""
    bias_ih: tuple[int, ...] | None = None
    """The matrix of each block of `bias_ih`; None: the same as `inputs`."""
    bias_hh: tuple[int, ...] | None = None
    """The matrix of each block of `bias_hh`; None: the same as `hidden`."""
    vectors: tuple[str, ...] = ()
    """Parameters that multiply unit by unit, such as peepholes, one below the other."""
    bare_input: int | None = None
    """The matrix that passes x on unchanged: the identity, which is not a parameter."""

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
