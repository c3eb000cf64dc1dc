"""Recurrent cells, exact backpropagation through time, and the `Trace` that it records."""

from models.cells.registry import CELLS
from models.networks.sequence_model import SequenceModel
from models.recording.layer_record import LayerRecord
from models.recording.record import direct_gradients, record
from models.recording.trace import Trace
from models.recording.watch import Watch, watch

__all__ = ["CELLS", "LayerRecord", "SequenceModel", "Trace", "Watch", "direct_gradients", "record", "watch"]
