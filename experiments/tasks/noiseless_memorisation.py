"""Noiseless memorisation: the copying problem as Pascanu's code has it."""

from experiments.tasks.recall import Recall

ALPHABET = 5


class NoiselessMemorisation(Recall):
    """Repeat ten symbols, each one of 5, from the marker on (Pascanu et al. 2013, as its published code samples it).

    Inputs, 7 channels: 10 symbols, T blanks, the marker, 9 blanks; the first symbol is asked at the marker itself.
    Targets of 6 classes.
    """

    name = "noiseless_memorisation"
    input_size = ALPHABET + 2
    output_size = ALPHABET + 1
    asks = "the symbols to repeat, not the blanks"
    alphabet = ALPHABET
    marker_ahead = 0
