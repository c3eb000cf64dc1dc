"""Recurrent cells, exact backpropagation through time, and the `Trace` that it records."""

from models.cells.registry import CELLS
from models.networks.sequence_model import SequenceModel
from models.recording.layer_record import LayerRecord
from models.recording.record import direct_gradients, record
from models.recording.trace import Trace

__all__ = ["CELLS", "LayerRecord", "SequenceModel", "Trace", "direct_gradients", "record"]
