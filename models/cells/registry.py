"""Every cell by its name: the one line that a new cell adds."""

from models.cells.cell import Cell
from models.cells.elman.step import ElmanCell
from models.cells.gru.step import GRUCell
from models.cells.lstm.projection import ProjectedLSTMCell
from models.cells.lstm.step import LSTMCell

CELLS: dict[str, type[Cell]] = {
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
}


def kind_of(cell: Cell) -> str:
    """The cell's name in `CELLS`; a projected LSTM is an `lstm`, too."""
    if isinstance(cell, ProjectedLSTMCell):
        return "lstm"
    return next(name for name, cell_type in CELLS.items() if type(cell) is cell_type)
