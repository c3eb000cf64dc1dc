"""Every download says where its numbers come from: a link to the page as it is, and the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import orjson
import streamlit as st

from analysis.figures.picture import Picture
from dashboard.session import read_session
from experiments.config.words import visible

_SETTINGS = "source-settings"


@dataclass(frozen=True)
class Source:
    """Where the numbers on a page come from."""

    link: str
    """The address that opens the page as it is."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Name of a setting → its value, as the page says them."""

    def csv(self, picture: Picture) -> str:
        """The picture's numbers as CSV below a head of comments."""
        lines = [picture.alt, self.link, *(f"{name}: {value}" for name, value in self.settings.items())]
        return "".join(f"# {visible(line)}\n" for line in lines) + picture.csv()

    def json(self, picture: Picture) -> bytes:
        """The picture's numbers as JSON, one list per column, beside the link and the settings."""
        content = {"link": self.link, "settings": dict(self.settings), "columns": picture.json_columns()}
        return orjson.dumps(content, option=orjson.OPT_INDENT_2)

    def toml(self) -> str:
        """The link and the settings as TOML."""
        rows = "".join(f"{_quoted(name)} = {_quoted(value)}\n" for name, value in self.settings.items())
        return f"link = {_quoted(self.link)}\n\n[settings]\n{rows}"


def _quoted(text: str) -> str:
    """A TOML string: JSON's spelling is one."""
    return orjson.dumps(visible(text)).decode()


def set_source(settings: Mapping[str, object]) -> None:
    """Keep the settings that the page's next downloads carry."""
    st.session_state[_SETTINGS] = {name: str(value) for name, value in settings.items()}


def source() -> Source:
    """Where the numbers of the page come from, as it is now."""
    page = (st.context.url or "").split("?")[0]
    page += "" if urlsplit(page).path else "/"
    query = urlencode(st.query_params.to_dict())
    return Source(f"{page}?{query}" if query else page, read_session(_SETTINGS, dict, {}))
