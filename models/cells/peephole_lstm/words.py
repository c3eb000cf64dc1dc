"""The peephole LSTM in words."""

from models.cells.lstm.words import GATES
from models.cells.words import CellWords

WORDS = CellWords("Peephole LSTM", "the peephole LSTM", "LSTMs", "#781EC3", "square-cross", GATES)
