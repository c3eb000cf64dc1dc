"""The minGRU in words."""

from models.cells.words import CellWords, GateWords

GATES = {"z": GateWords("update gate z (0 keeps)", "keep", "the state is overwritten at every step")}
WORDS = CellWords(
    "minGRU",
    "the minGRU",
    "GRUs",
    "#D296C3",
    "diamond-wide",
    GATES,
    no_spectrum="Nothing of the minGRU's past is multiplied by a matrix: its gate alone decides what is kept.",
)
