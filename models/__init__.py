"""Recurrent cells, exact backpropagation through time, and the `Trace` that it records."""

from models.cells.registry import CELLS
from models.networks.encoder_decoder import EncoderDecoder
from models.networks.one_to_many import OneToMany
from models.networks.sequence_model import SequenceModel
from models.recording.layer_record import LayerRecord
from models.recording.on_cpu import on_cpu
from models.recording.record import direct_gradients, record
from models.recording.trace import Trace
from models.recording.watch import Watch, watch
from models.recording.watch_alerts import AlertError, clipping_engaged, gradient_below, not_finite

__all__ = [
    "CELLS",
    "AlertError",
    "EncoderDecoder",
    "LayerRecord",
    "OneToMany",
    "SequenceModel",
    "Trace",
    "Watch",
    "clipping_engaged",
    "direct_gradients",
    "gradient_below",
    "not_finite",
    "on_cpu",
    "record",
    "watch",
]
