"""Every cell by its name: the one line that a new cell adds."""

from models.cell import Cell
from models.elman import ElmanCell
from models.gru import GRUCell
from models.lstm import LSTMCell

CELLS: dict[str, type[Cell]] = {
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
}
