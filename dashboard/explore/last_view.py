"""Bad input loses nothing: what Explore showed last stays."""

import streamlit as st

from dashboard.components.refusal import refuse
from dashboard.explore.session import pinned_settings, remember_shown, shown_settings
from dashboard.explore.settings import Settings
from dashboard.explore.view import View, record_view
from experiments.config.run_config import ConfigError


def view_or_last(settings: Settings) -> View:
    """What the settings describe; where they are refused, a sentence and what the page showed last.

    Raises:
        ConfigError: nothing was shown yet.
    """
    try:
        view = record_view(settings, pinned_settings())
    except ConfigError as error:
        last = shown_settings()
        if last is None:
            raise
        refuse(error)
        st.caption("The charts still show the previous settings.")
        return record_view(last, pinned_settings())
    remember_shown(settings)
    return view
