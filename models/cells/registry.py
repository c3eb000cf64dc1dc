"""Every cell by its name: the one line that a new cell adds."""

from models.cells.cell import Cell
from models.cells.elman.step import ElmanCell
from models.cells.gru.step import GRUCell
from models.cells.lstm.step import LSTMCell

CELLS: dict[str, type[Cell]] = {
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
}
