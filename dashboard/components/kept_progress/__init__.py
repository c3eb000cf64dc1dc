"""A memory in the visitor's browser."""

from dashboard.components.kept_progress.component import keep_progress, kept_progress

__all__ = ["keep_progress", "kept_progress"]
