"""CSS rules for what Streamlit's theme cannot set."""

import streamlit as st

RULES = """
.stMainBlockContainer { padding: 2.5rem 2rem 3rem; }
/* Streamlit's header lies over the page's first row; a title has this room of its own. */
.st-key-page-head { padding-top: 1.5rem; }
/* Streamlit's own greys fall below WCAG AA's contrast of 4.5:1. */
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p { color: inherit; opacity: 0.92; }
/* What only loads something must not take a row. */
[data-testid="stLayoutWrapper"]:has(> .st-key-charts-to-come, > .st-key-page-address, > .st-key-progress-in-browser) {
  display: none;
}
/* On a phone a row of pills is wider than the page: the last ones would be cut. */
[data-testid="stButtonGroup"] > div { flex-wrap: wrap; }
.st-key-undo kbd, .st-key-redo kbd { display: none; }
.st-key-changes button { min-height: 0; padding-block: 0; }
/* On a phone the chart comes first. The starting points are one row to swipe through; so are the sliders, which stay at
   the lower edge while the chart is in sight. */
@media (max-width: 640px) {
  .stMainBlockContainer h1 { font-size: 1.5rem; padding: 1rem 0 0; }
  .st-key-presets, .st-key-lab-sliders, .st-key-lab-sliders [data-testid="stHorizontalBlock"] {
    flex-direction: row; flex-wrap: nowrap; overflow-x: auto; scroll-snap-type: x proximity;
  }
  .st-key-presets > *, .st-key-lab-sliders > * { flex: none; width: auto; }
  .st-key-lab-sliders [data-testid="stHorizontalBlock"] { overflow-x: visible; width: auto; }
  .st-key-lab-sliders [data-testid="stColumn"] { flex: none; width: 75vw; min-width: 0; scroll-snap-align: start; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-lab-sliders) {
    order: 1; position: sticky; bottom: 0; z-index: 9; background: light-dark(#ffffff, #14161c);
    border-top: 1px solid light-dark(#d8dae2, #3d4250);
  }
}
button[data-variant][data-selected="true"] p { color: light-dark(#1d2230, #e7e9f0); }
"""


def page_style() -> None:
    """Add the rules to the page."""
    st.html(f"<style>{RULES}</style>")
