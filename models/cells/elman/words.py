"""The Elman RNN in words."""

from models.cells.words import CellWords

WORDS = CellWords("Elman", "the Elman RNN", "Without gates", "#D55E00", "circle")
