"""A slider that sends its value while it is dragged."""

from dashboard.components.live_slider.component import live_slider

__all__ = ["live_slider"]
