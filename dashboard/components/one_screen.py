"""What is to be watched is in sight while the hand drags: the sliders, the profile and the chosen panel on one screen.

The rules say how high a chart may be, and how high it must be, in `--chart-most` and `--chart-least`; see `placeOf` in
look.js.
"""

import streamlit as st

WATCH, SLIDERS, PANEL, ALONE = "lab-watch", "lab-sliders", "lab-panel", "lab-alone"
"""Keys of the containers: the sliders with the profile, the sliders, the chosen panel, and the panel that is alone."""

_ALWAYS = """
.stMain { --page: light-dark(#ffffff, #12151c); --line: light-dark(#d9dce5, #363d4d); }
.st-key-lab-watch .stElementContainer:has(.live-chart), .st-key-lab-panel .stElementContainer:has(.live-chart),
.st-key-lab-alone .stElementContainer:has(.live-chart) { height: auto; flex: none; overflow: visible; }
.st-key-lab-watch .live-chart { min-height: max(var(--chart-least), min(var(--chart-most), 27rem)); }
.st-key-lab-sliders { gap: 0.25rem; }
.st-key-lab-words { gap: 0.25rem; }
"""

_WIDE = """
@media (min-width: 700px) {
  /* One row each: the profile's sentence, what else it shows, the names of the panels. */
  .st-key-lab-caption > [data-testid="stLayoutWrapper"] > .stHorizontalBlock { flex-wrap: nowrap; }
  .st-key-overlays [data-testid="stButtonGroup"], .st-key-panel [data-testid="stButtonGroup"],
  .st-key-lab-layer [data-testid="stButtonGroup"] {
    display: flex; flex-direction: row; align-items: center; gap: 0.75rem;
  }
  .st-key-panel [data-testid="stWidgetLabel"] { display: none; }
  .st-key-panel button { padding-inline: 0.26rem; }
  .st-key-panel button p { font-size: 0.82rem; }
  .stVerticalBlock:has(> [data-testid="stLayoutWrapper"] > .st-key-lab-watch) { gap: 0.5rem; }
}
/* The sliders and the profile stay at the upper edge; what is below runs under them. */
@media (min-width: 700px) and (min-height: 640px) {
  .stMain {
    --top: 3.75rem; --hero: clamp(15.5rem, 100vh - 33.5rem, 28rem);
    --watched: calc(var(--top) + 7.25rem + var(--hero)); scroll-padding-top: calc(var(--watched) + 1rem);
  }
  [data-testid="stLayoutWrapper"]:has(> .st-key-lab-watch) {
    position: sticky; top: var(--top); z-index: 9; background: var(--page);
    box-shadow: 1rem 0 var(--page); /* what is below has its help signs a little beyond the edge */
  }
  .st-key-lab-watch {
    --chart-most: var(--hero); --words-most: calc(var(--hero) - 1.75rem); gap: 0.25rem;
    border-bottom: 1px solid var(--line);
  }
  .st-key-lab-panel { --chart-most: max(15.5rem, 100vh - var(--watched) - 3rem); }
  .st-key-lab-alone { --chart-least: calc(100vh - var(--top) - 11.25rem); }
  .stMain:has(.st-key-lab-alone) { --hero: 0rem; }
  .stMain:has(.st-key-lab-alone) :is(.st-key-presets, .st-key-changes) { display: none; }
}
/* In a low window the title stands in the row of the pages' names, left of what Streamlit says while it runs. */
@media (min-width: 1200px) and (max-height: 900px) {
  .st-key-lab-choice { flex-wrap: nowrap; gap: 0.5rem; }
  .stMainBlockContainer:has(.st-key-lab-title) { padding-top: 4rem; }
  .stMainBlockContainer:has(.st-key-lab-title) > .stVerticalBlock { gap: 0.25rem; }
  .st-key-lab-title { position: fixed; top: 1.15rem; right: 9.5rem; z-index: 999991; width: auto; }
  .st-key-lab-title h1 { font-size: 1.15rem; padding: 0; }
}
"""

_PHONE = """
/* On a phone the chart comes first. The starting points are one row to swipe through; so are the sliders, which stay at
   the lower edge. */
@media (max-width: 640px) {
  .stMainBlockContainer h1 { font-size: 1.15rem; padding: 1rem 0 0; }
  .st-key-presets, .st-key-lab-sliders, .st-key-lab-sliders .stHorizontalBlock {
    flex-direction: row; flex-wrap: nowrap; overflow-x: auto; scroll-snap-type: x proximity;
  }
  .st-key-presets > *, .st-key-lab-sliders > * { flex: none; width: auto; }
  .st-key-lab-sliders .stHorizontalBlock { overflow-x: visible; width: auto; }
  .st-key-lab-sliders .stColumn { flex: none; width: 64vw; min-width: 0; scroll-snap-align: start; }
  [data-testid="stLayoutWrapper"]:has(> .stVerticalBlock > [data-testid="stLayoutWrapper"] > .st-key-lab-watch),
  .stVerticalBlock:has(> [data-testid="stLayoutWrapper"] > .st-key-lab-watch),
  [data-testid="stLayoutWrapper"]:has(> .st-key-lab-watch), .st-key-lab-watch,
  .st-key-lab-watch > [data-testid="stLayoutWrapper"]:has(> .stHorizontalBlock),
  .st-key-lab-watch > * > .stHorizontalBlock, .st-key-lab-watch > * > .stHorizontalBlock > .stColumn,
  .st-key-lab-watch > * > .stHorizontalBlock > .stColumn > .stVerticalBlock { display: contents; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-lab-title) { order: -2; }
  .stElementContainer:has(.live-chart[data-key="profile"]) { order: -1; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-lab-sliders) {
    display: flex; order: 1; position: sticky; bottom: 0; z-index: 9; background: var(--page);
    border-top: 1px solid var(--line);
  }
}
"""

_PROJECTOR = """
.stMain { --top: 0rem; }
.stMain .stMainBlockContainer { padding-top: 0.25rem !important; }
.stMain .stVerticalBlock { gap: 0.25rem; }
.stMain .st-key-presets button { min-height: 24px; padding-block: 0; }
/* A profile that is seen from the last row fills the screen below the sliders, which alone stay at the upper edge. */
[data-testid="stLayoutWrapper"]:has(> .st-key-lab-watch), .stMain .st-key-lab-watch { display: contents; }
.stMain [data-testid="stLayoutWrapper"]:has(> .st-key-lab-sliders) {
  position: sticky; top: 0; z-index: 9; background: var(--page);
}
.stMain { --hero: max(480px, 100vh - 12rem); scroll-padding-top: 8rem; }
.stMain .st-key-lab-watch { --chart-least: var(--hero); }
.stMain .st-key-lab-panel { --chart-most: 30rem; }
"""


def one_screen_style(projector: bool) -> None:
    """Add the rules to the page, after `page_style` and `projector_style`."""
    st.html(f"<style>{_ALWAYS}{_WIDE}{_PHONE}{_PROJECTOR if projector else ''}</style>")
