"""The IndRNN in words."""

from models.cells.words import CellWords

WORDS = CellWords(
    "IndRNN",
    "the IndRNN",
    "Without gates",
    "#FF5AFF",
    "circle-open",
    no_spectrum="Each unit reads only its own past, times its own number u. There is no recurrent matrix to decompose.",
)
