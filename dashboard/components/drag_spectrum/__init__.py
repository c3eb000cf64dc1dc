"""A spectrum under the hand."""

from dashboard.components.drag_spectrum.component import drag_spectrum

__all__ = ["drag_spectrum"]
