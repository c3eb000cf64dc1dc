"""What many people predicted: how often each answer, or everybody's curve on a log scale."""

import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, OTHER_COLOURS, figure, translucent
from analysis.numbers import LN_10

HEIGHT = 400
"""Pixels."""
LINE_LETTERS = 44
"""Letters of an answer that stand in one line: a phone has room for them."""
RIGHT_COLOUR = "#009e73"
"""Of the right answer, which also has a ✓: as in the answers of networks."""


def answers_picture(title: str, answers: Sequence[str], counts: Sequence[int], right: int | None = None) -> Picture:
    """A bar per answer, with the answer's words above it.

    Args:
        title: the result in one line.
        answers: in their order.
        counts: how many people chose each.
        right: place of the right answer, which gets a mark; None while it is not known.
    """
    made = figure(title, "", "", HEIGHT)
    places = list(range(len(answers)))
    made.add_bar(
        x=list(counts), y=places, orientation="h", width=0.34, text=[str(n) for n in counts], textposition="outside",
        cliponaxis=False, hovertext=list(answers), hovertemplate="%{hovertext} %{x}<extra></extra>", showlegend=False,
        marker={"color": [RIGHT_COLOUR if k == right else OTHER_COLOURS[1] for k in places]},
    )  # fmt: skip
    for k, answer in enumerate(answers):
        words = "<br>".join(textwrap.wrap(answer, LINE_LETTERS))
        made.add_annotation(
            x=0, xref="paper", xanchor="left", y=k - 0.2, yanchor="bottom", showarrow=False, align="left",
            text=f"<b>✓ {words}</b>" if k == right else words,
        )  # fmt: skip
    made.update_yaxes(range=[len(answers) - 0.7, -0.75], showticklabels=False, showgrid=False, fixedrange=True)
    made.update_xaxes(range=[0, max(5, *counts) * 1.08], showticklabels=False, showgrid=False, fixedrange=True)
    made.update_layout(margin={"l": 8, "r": 24, "t": 44, "b": 8}, bargap=0)
    said = " ".join(f"{answer} {count}." for answer, count in zip(answers, counts, strict=True))
    shown = "" if right is None else f" Right: {answers[right]}"
    return Picture(
        "predictions", made, "How many chose each answer.", f"{title}. {said}{shown}",
        {"answer": list(answers), "count": list(counts)},
    )  # fmt: skip


def curves_picture(
    title: str,
    lags: Sequence[int],
    drawn: Float[ndarray, "person lag"],
    x_title: str,
    y_title: str,
    decades: tuple[float, float],
) -> Picture:
    """Everybody's curve, before it is shown what is so; arguments as for `add_curves` and `lag_picture`."""
    middle = _middle(lags, drawn)
    made = lag_picture(
        "predictions", title, middle, "Everybody's prediction, and the middle one.", f"{title}.", x_title=x_title,
        y_title=y_title, height=HEIGHT, decades=decades,
    )  # fmt: skip
    made.figure.update_xaxes(range=[0, lags[-1]])
    _add_everybody(made, lags, drawn)
    return made


def add_curves(onto: Picture, lags: Sequence[int], drawn: Float[ndarray, "person lag"]) -> Picture:
    """The picture of what is so, with everybody's curve over it; the middle one is marked.

    Args:
        onto: a picture over lag on a log₁₀ scale.
        lags: where the curves have values; each begins at (0, 1).
        drawn: log₁₀ of what each person thinks is left.
    """
    for line in _middle(lags, drawn):
        onto.figure.add_scatter(
            x=line.lag, y=line.log / LN_10, name=line.name, mode="lines+markers",
            line={"color": line.colour, "width": 1.5}, marker={"size": 9, "color": line.colour},
            cliponaxis=False,
            hovertemplate=f"{line.name}, lag %{{x}}: %{{y:size}}<extra></extra>",
        )  # fmt: skip
    _add_everybody(onto, lags, drawn)
    return onto


def _middle(lags: Sequence[int], drawn: Float[ndarray, "person lag"]) -> list[LagLine]:
    """The median of the predictions at every lag; none where nobody predicted."""
    if not len(drawn):
        return []
    log = np.array([0.0, *np.median(drawn, axis=0)]) * LN_10
    return [LagLine("middle prediction", np.array([0.0, *lags]), log, OTHER_COLOURS[0], marks=True)]


def _add_everybody(made: Picture, lags: Sequence[int], drawn: Float[ndarray, "person lag"]) -> None:
    """All curves as one line with gaps, so that the legend names them once."""
    if not len(drawn):
        return
    gap = np.full((len(drawn), 1), np.nan)
    y = np.hstack([np.zeros((len(drawn), 1)), drawn, gap]).ravel()
    x = np.tile([0.0, *lags, np.nan], len(drawn))
    name = f"{len(drawn)} predictions" if len(drawn) > 1 else "1 prediction"
    made.figure.add_scatter(
        x=x, y=y, name=name, mode="lines", hoverinfo="skip", connectgaps=False,
        line={"color": translucent(NEUTRAL, 0.55), "width": 1.2},
    )  # fmt: skip
