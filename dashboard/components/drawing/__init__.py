"""A drawing in the page's own colours."""

from dashboard.components.drawing.component import show_drawing

__all__ = ["show_drawing"]
