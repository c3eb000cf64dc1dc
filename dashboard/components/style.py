"""CSS rules for what Streamlit's theme cannot set."""

import streamlit as st

RULES = r"""
/* How high a chart may and must be. Registered, so that a script reads them in pixels. \3c and \3e are angle brackets,
   which Streamlit would drop. */
@property --chart-most { syntax: "\3clength\3e"; inherits: true; initial-value: 99999px; }
@property --chart-least { syntax: "\3clength\3e"; inherits: true; initial-value: 0px; }
.stMainBlockContainer { padding: 2.5rem 2rem 3rem; }
/* Streamlit's header lies over the page's first row; a title has this room of its own, and so has an error above it. */
.st-key-page-head { padding-top: 1.5rem; }
.stMainBlockContainer > .stVerticalBlock > .stElementContainer:has(.stAlert):not(:has(h1) ~ *) { padding-top: 1.5rem; }
/* Streamlit's own greys fall below WCAG AA's contrast of 4.5:1. */
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p { color: inherit; opacity: 0.92; }
/* What only loads something must not take a row. */
[data-testid="stLayoutWrapper"]:has(> .st-key-charts-to-come, > .st-key-page-address, > .st-key-progress-in-browser) {
  display: none;
}
/* On a phone a row of pills is wider than the page: the last ones would be cut. */
[data-testid="stButtonGroup"] > div { flex-wrap: wrap; }
/* A sentence under a field of a narrow column. */
.stSidebar .stAlertContainer { padding: 0.4rem 0.5rem; }
.stSidebar .stAlertContainer p { font-size: 0.8125rem; line-height: 1.3; overflow-wrap: anywhere; }
/* A table of numbers stands beside a chart: its rows as near as they can be read. */
.stApp [data-testid="stMarkdownContainer"] table :is(th, td) { padding: 0.15rem 0.5rem; font-size: 0.875rem; }
/* The button of an open popover: Streamlit's darkened colour cannot be read on the dark page. */
.stApp [data-testid="stPopoverButton"][aria-expanded="true"] { color: light-dark(#433da6, #aaa2fa); }
.st-key-undo kbd, .st-key-redo kbd { display: none; }
.st-key-changes button { min-height: 24px; padding-block: 0; }
/* Long words wrap, and the buttons beside them stay in one row. */
@media (min-width: 700px) {
  .st-key-changes { flex-wrap: nowrap; }
  .st-key-changes > :has(.stMarkdown) { flex: 0 1 auto; min-width: 0; }
  .st-key-changes > :has(button) { flex: none; }
}
/* Headings below the page's own: as small as the sections that they begin. */
[data-testid="stMarkdownContainer"] h2 { font-size: 1rem; padding: 0 0 1rem; }
.st-key-lesson-title h1 { font-size: 1.15rem; padding: 0.5rem 0; }
.st-key-lesson-title :is([data-testid="stHeading"], [data-testid="stMarkdownContainer"]) { margin-bottom: 0; }
/* The address is the page's state: a heading has no link of its own. */
[data-testid="stHeaderActionElements"] { display: none; }
/* WCAG 2.5.8: a target of at least 24 px. The larger ones take no more room. */
/* Under a finger Plotly's buttons would stay over the chart's title; two taps show the whole chart again. */
@media (hover: none), (max-width: 640px) { .modebar-container { display: none; } }
button[aria-label^="Help"] {
  display: inline-flex; align-items: center; justify-content: center; min-width: 24px; min-height: 24px; margin: -4px;
}
.stCheckbox label, .stRadio label { min-height: 24px; }
.stDownloadButton button, .stButton button { min-width: 24px; }
/* The focus can be seen on everything that a key reaches. */
.stApp :is(button, a, summary, [role], [tabindex]):focus-visible,
.stApp label:has(input:focus-visible) {
  outline: 2px solid light-dark(#433da6, #aaa2fa); outline-offset: 2px; border-radius: 0.25rem;
}
/* A list shows it by its frame; a second one around its words would be cut. */
.stApp input[role="combobox"]:focus-visible { outline: none; }
.stApp label:has(input:focus-visible) { outline-offset: -1px; } /* answers stand close together */
/* What is still being computed: its words, and a grey box in the place of its chart. */
.computing p { margin: 0 0 0.5rem; font-size: 0.875rem; }
.computing div {
  height: 14rem; border-radius: 0.5rem; background: light-dark(#eceef4, #1d222d);
  animation: computing 1.6s ease-in-out infinite alternate;
}
@keyframes computing { to { opacity: 0.45; } }
@media (prefers-reduced-motion: reduce) { .computing div { animation: none; } }
button[data-variant][data-selected="true"] p { color: light-dark(#1d2230, #e7e9f0); }
"""


STEADY = """
/* A page that is drawn anew every second is not out of date, and Streamlit's own Stop would not stop a training. */
[data-testid="stStatusWidget"] { display: none; }
.stApp [data-stale="true"] { opacity: 1 !important; transition: none !important; }
"""


def page_style(is_steady: bool = False) -> None:
    """Add the rules to the page.

    Args:
        is_steady: whether it follows what trains, and is to stand still while it is drawn anew.
    """
    st.html(f"<style>{RULES}{STEADY if is_steady else ''}</style>")
