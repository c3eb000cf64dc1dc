"""A slider that goes through pictures."""

from dashboard.components.scrub_slider.component import scrub_slider

__all__ = ["scrub_slider"]
