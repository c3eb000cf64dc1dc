"""The words beside live charts, and the short way of a drag."""

from dashboard.components.live_lab.component import live_lab

__all__ = ["live_lab"]
