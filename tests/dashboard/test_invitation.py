"""The link to a room leads phones to the server, and Plotly goes to them compressed."""

import gzip

import pytest
import segno
from coroutines import run_coroutine
from starlette.requests import Request

from dashboard.room import invitation
from dashboard.server.live import PLOTLY, plotly_file


@pytest.mark.parametrize(
    ("page", "serves_network", "link"),
    [
        ("http://127.0.0.1:8501/room", False, "http://127.0.0.1:8501/room?room=K7QD4X"),
        ("http://localhost:8501/room?lesson=4", True, "http://192.0.2.5:8501/room?room=K7QD4X"),
        ("http://192.0.2.9:8501/room", True, "http://192.0.2.9:8501/room?room=K7QD4X"),
        ("https://lab.example.org/gradients/room", True, "https://lab.example.org/gradients/room?room=K7QD4X"),
        ("http://localhost/room", True, "http://192.0.2.5/room?room=K7QD4X"),
    ],
)
def test_a_link_names_the_machine_as_phones_reach_it(monkeypatch, page, serves_network, link):
    monkeypatch.setattr(invitation, "get_internal_ip", lambda: "192.0.2.5")
    assert invitation.room_link(page, "K7QD4X", serves_network) == link


def test_the_qr_picture_holds_the_link_and_nothing_that_runs():
    link = "http://192.0.2.5:8501/room?room=K7QD4X"
    picture = invitation.qr_picture(link)
    assert picture.startswith("data:image/svg+xml")
    assert "script" not in picture
    assert picture != invitation.qr_picture(link.replace("X", "Y"))
    assert segno.make(link, error="m").error == "M", "a hand before the projector may cover a seventh of it"


@pytest.mark.parametrize(("client", "accepts", "encoding"), [
    ("192.0.2.7", "br, gzip;q=1", "gzip"), ("192.0.2.7", "identity", "identity"), ("127.0.0.1", "gzip", "identity"),
])  # fmt: skip
def test_plotly_goes_compressed_over_a_network_only(client, accepts, encoding):
    headers = [(b"accept-encoding", accepts.encode())]
    answer = run_coroutine(plotly_file(Request({"type": "http", "client": (client, 50000), "headers": headers})))
    assert answer.headers["content-encoding"] == encoding
    if encoding == "gzip":
        assert gzip.decompress(answer.body) == PLOTLY.read_bytes()
        assert len(answer.body) < PLOTLY.stat().st_size / 3
    else:
        assert answer.path == PLOTLY
