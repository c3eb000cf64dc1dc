"""Recurrent cells, exact backpropagation through time, and the `Trace` that it records."""

from models.recording import record
from models.registry import CELLS
from models.sequence_model import SequenceModel
from models.trace import Trace

__all__ = ["CELLS", "SequenceModel", "Trace", "record"]
