"""The GRU in words."""

from models.cells.words import CellWords, GateWords

GATES = {
    "r": GateWords("reset gate r", "entry", "the candidate does not see the past"),
    "z": GateWords("update gate z (1 keeps)", "keep", "the state is overwritten at every step"),
    "n": GateWords("candidate n", "candidate"),
}
WORDS = CellWords("GRU", "the GRU", "GRUs", "#009E73", "diamond", GATES)
