"""Recurrent cells, exact backpropagation through time, and the `Trace` that it records."""

from models.layer_record import LayerRecord
from models.recording import direct_gradients, record
from models.registry import CELLS
from models.sequence_model import SequenceModel
from models.trace import Trace

__all__ = ["CELLS", "LayerRecord", "SequenceModel", "Trace", "direct_gradients", "record"]
