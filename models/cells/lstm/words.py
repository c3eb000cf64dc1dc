"""The LSTM in words."""

from models.cells.words import CellWords, GateWords

GATES = {
    "i": GateWords("input gate i", "entry", "nothing new is written into the cell state"),
    "f": GateWords("forget gate f", "keep", "the cell state is overwritten at every step"),
    "g": GateWords("candidate g", "candidate"),
    "o": GateWords("output gate o", "exit", "the cell state is hidden from the output"),
}
WORDS = CellWords("LSTM", "the LSTM", "LSTMs", "#0072B2", "square", GATES)
