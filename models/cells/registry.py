"""Every cell by its name; a new cell adds one line here."""

from models.cells.cell import Cell
from models.cells.elman.step import ElmanCell
from models.cells.gru.step import GRUCell
from models.cells.indrnn.step import IndRNNCell
from models.cells.lstm.step import LSTMCell
from models.cells.lstm_1997.step import LSTM1997Cell
from models.cells.mingru.step import MinGRUCell
from models.cells.mut.step import MUT1Cell, MUT2Cell, MUT3Cell
from models.cells.peephole_lstm.step import PeepholeLSTMCell

CELLS: dict[str, type[Cell]] = {
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
    "indrnn": IndRNNCell,
    "lstm_1997": LSTM1997Cell,
    "peephole_lstm": PeepholeLSTMCell,
    "mut1": MUT1Cell,
    "mut2": MUT2Cell,
    "mut3": MUT3Cell,
    "mingru": MinGRUCell,
}
