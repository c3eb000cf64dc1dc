"""A path in the plane: what was seen of it, how it went on, and how a network said that it would."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, NEUTRAL, OTHER_COLOURS, figure
from analysis.wording import significant

Places = Float[ndarray, "place 2"]


def trajectory_picture(name: str, title: str, seen: Places, true: Places, said: Places) -> Picture:
    """Seen places as dots, the true way on as a line, and the network's as a line with crosses.

    Args:
        name: of downloaded files.
        title: the result in one line.
        seen: with noise.
        true: the places after those that are seen.
        said: the network's answers for the same places.
    """
    made = figure(title, "x", "height", 380)
    for label, places, mode, colour, symbol in (
        ("seen, with noise", seen, "markers", NEUTRAL, "circle"),
        ("true", true, "lines+markers", OTHER_COLOURS[1], "circle"),
        ("the network, in the dark", said, "lines+markers", OTHER_COLOURS[2], "x"),
    ):
        made.add_scatter(
            x=places[:, 0], y=places[:, 1], mode=mode, name=label, line={"color": colour},
            marker={"color": colour, "symbol": symbol, "size": 7},
            hovertemplate=f"{label}: %{{x:number}}, %{{y:number}}<extra></extra>",
        )  # fmt: skip
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    made.update_yaxes(scaleanchor="x")
    distance = np.hypot(*(said - true).T)
    sentence = (
        f"The network saw {len(seen)} places, and then said {len(true)} more without seeing any. "
        f"It is off by {significant(float(np.median(distance)))} in the median and by "
        f"{significant(float(distance.max()))} at most."
    )
    columns: dict[str, list[object]] = {
        "true x": true[:, 0].tolist(),
        "true height": true[:, 1].tolist(),
        "said x": said[:, 0].tolist(),
        "said height": said[:, 1].tolist(),
    }
    return Picture(name, made, sentence, f"{title}. {sentence}", columns)
