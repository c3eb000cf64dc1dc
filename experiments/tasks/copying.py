"""The copying problem: ten symbols, a long silence, and the same ten symbols again."""

from experiments.tasks.recall import Recall

ALPHABET = 8


class Copying(Recall):
    """Repeat ten symbols, each one of 8, after the marker (Arjovsky, Shah & Bengio 2016, §5.1).

    Its sampling and its chance are those of `recall.py`.

    Inputs, 10 channels: 10 symbols, T − 1 blanks, the marker, 10 blanks. Targets of 9 classes.
    """

    name = "copying"
    input_size = ALPHABET + 2
    output_size = ALPHABET + 1
    asks = "the symbols to copy, not the blanks"
    alphabet = ALPHABET
    marker_ahead = 1
