"""A curve to draw."""

from dashboard.components.draw_curve.component import draw_curve

__all__ = ["draw_curve"]
