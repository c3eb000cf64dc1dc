"""A Plotly chart redrawn in place."""

from dashboard.components.live_chart.component import expect_charts, live_chart

__all__ = ["expect_charts", "live_chart"]
