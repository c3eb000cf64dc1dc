"""The LSTM of 1997 in words."""

from models.cells.lstm.words import GATES
from models.cells.words import CellWords

WORDS = CellWords(
    "LSTM 1997", "the LSTM of 1997", "LSTMs", "#4B00FF", "square-open", {name: GATES[name] for name in ("i", "g", "o")}
)
