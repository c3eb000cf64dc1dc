"""Explore's present state to take away: a link, a Python snippet, a web page."""

from urllib.parse import urlencode

import streamlit as st

from dashboard.explore.configs import run_values
from dashboard.explore.explore_frame import explore_html
from dashboard.explore.link import write_link
from dashboard.explore.session import keep_settings
from dashboard.explore.settings import Settings
from dashboard.explore.view import View
from experiments.config.run_config import RunConfig

_SNIPPET = """from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe

for cell in {cells}:
    result = probe(RunConfig(cell=cell{arguments}))
    print(cell, result.trace.loss.item(), result.profile.decay.rate)
    print(result.profile.median.tolist())  # ln of the size of dL/dh_t, t = 1 ... T
"""


@st.fragment
def show_link() -> None:
    """A link and a snippet, written when they are asked for, so that a drag does not write them anew."""
    if st.button("Link and Python", type="tertiary"):
        settings, _ = keep_settings()
        page = (st.context.url or "").split("?")[0]
        st.markdown("This address opens the page as it is now:")
        st.code(f"{page}?{urlencode(write_link(settings))}", language=None, wrap_lines=True)
        st.markdown("This Python code prints the page's numbers:")
        st.code(_write_snippet(settings), language="python")


def _write_snippet(settings: Settings) -> str:
    """Python that prints the page's numbers through the public API."""
    default = RunConfig().model_dump()
    given = {name: value for name, value in run_values(settings).items() if default[name] != value}
    arguments = "".join(f", {name}={value!r}" for name, value in given.items())
    return _SNIPPET.format(cells=[*settings.cells], arguments=arguments)


def web_page_button(view: View) -> None:
    """The charts as a file; drawn when it is asked for."""
    st.download_button(
        "Web page", lambda: explore_html(view), file_name="explore.html", mime="text/html", type="tertiary",
        on_click="ignore", help="Download the charts and their words as one file. It opens in any browser.",
    )  # fmt: skip
