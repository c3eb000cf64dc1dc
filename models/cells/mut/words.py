"""MUT1, MUT2 and MUT3 in words."""

from models.cells.words import CellWords, GateWords

GATES = {
    "r": GateWords("reset gate r", "entry", "the candidate does not see the past"),
    "z": GateWords("update gate z (0 keeps)", "keep", "the state is overwritten at every step"),
    "n": GateWords("candidate n", "candidate"),
}
MUT1 = CellWords("MUT1", "MUT1", "GRUs", "#A5B45A", "diamond-open", GATES)
MUT2 = CellWords("MUT2", "MUT2", "GRUs", "#874B2D", "diamond-cross", GATES)
MUT3 = CellWords("MUT3", "MUT3", "GRUs", "#5A5A69", "diamond-x", GATES)
