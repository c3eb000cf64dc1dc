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
    no_spectrum="No matrix multiplies the past of a minGRU: only its gate decides how much of it is kept.",
)
