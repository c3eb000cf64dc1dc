"""A room's charts on the page, larger for a projector."""

from analysis.figures.picture import Picture
from dashboard.components.live_chart import live_chart
from dashboard.components.projector import LARGER, projector_on

HEIGHT = 400
PROJECTED_HEIGHT = 440


def show_room_chart(picture: Picture, key: str) -> None:
    """A picture without what a class cannot use: no caption, no downloads."""
    if projector_on():
        sizes = {"font_size": round(13 * LARGER), "title_font_size": round(16 * LARGER)}
        picture.figure.update_layout(height=PROJECTED_HEIGHT, **sizes)
    else:
        picture.figure.update_layout(height=HEIGHT)
    live_chart(picture.figure, key=key, alt=picture.alt)
