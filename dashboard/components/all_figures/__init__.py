"""All figures of a page as one zip."""

from dashboard.components.all_figures.component import all_figures

__all__ = ["all_figures"]
