"""How students come into a room: its address as a QR picture, and its code in large letters."""

from urllib.parse import urlsplit, urlunsplit

import segno
import streamlit as st
from streamlit.net_util import get_internal_ip

from dashboard.room.room import View
from dashboard.server.serving import is_loopback

UNREACHABLE = (
    "Phones cannot open this address: it means this computer alone. Start the server with `make app ADDRESS=0.0.0.0`, "
    "and open this page by the computer's name or number in the network."
)
RULES = """<style>
.room-qr { display: block; width: min(44rem, 100%, 64vh); margin: 0 auto; image-rendering: pixelated; }
.room-code { font: 700 3.2rem/1.2 ui-monospace, monospace; letter-spacing: 0.12em; margin: 0; }
</style>"""


def room_link(page_url: str, code: str, serves_network: bool) -> str:
    """The address that a phone opens, from the teacher's own address of the page.

    A teacher whose browser runs on the server's machine sees it under a name that means another machine to a phone.
    """
    parts = urlsplit(page_url)
    netloc = parts.netloc
    if serves_network and is_loopback(parts.hostname):
        netloc = get_internal_ip() or netloc
        netloc += f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, netloc, parts.path, f"room={code}", ""))


def qr_picture(link: str) -> str:
    """The address of an SVG with the QR picture of a link: black on white in both themes, as every phone reads it."""
    return segno.make(link, error="m", micro=False).svg_data_uri(border=4, dark="#000", light="#fff", omitsize=True)


def show_invitation(view: View) -> None:
    """The QR picture, the code, and the address to type."""
    serves_network = not is_loopback(st.get_option("server.address"))
    link = room_link(st.context.url or "http://localhost/room", view.code, serves_network)
    left, right = st.columns([4, 5], gap="large", vertical_alignment="center")
    with left:
        label = f"QR picture of the address of room {view.code}"
        st.html(f'{RULES}<img class="room-qr" alt="{label}" src="{qr_picture(link)}">')
    with right:
        if is_loopback(urlsplit(link).hostname):
            st.warning(UNREACHABLE)
        st.markdown("## Point your phone's camera at the picture\n\nor open this address, and type the code:")
        st.code(link.partition("?")[0], language=None, wrap_lines=True)
        st.html(f"{RULES}<p class='room-code'>{view.code}</p>")
        st.caption("No name and no account is needed, and nothing is kept of you but your predictions in this room.")
