"""How much each setting matters, as bars."""

from collections.abc import Callable

import numpy as np

from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, OTHER_COLOURS, figure
from analysis.importance import Importances
from analysis.wording import counted, percent

ROW, FRAME = 32, 150


def importance_picture(found: Importances, quantity: str, name_setting: Callable[[str], str]) -> Picture:
    """A bar per setting, the most important at the top.

    Args:
        found: the importances.
        quantity: the number that was explained.
        name_setting: setting → its name on the page.
    """
    names = [name_setting(setting) for setting in found.settings]
    first = f"{names[0][:1].upper()}{names[0][1:]} matters most"
    known = f"The settings explain {percent(max(found.explained, 0))} of the variation between runs"
    made = figure(
        first if found.explained > 0 else "The settings explain little here", "share of the importance", "",
        FRAME + ROW * len(names),
    )  # fmt: skip
    made.add_bar(
        x=100 * found.share, y=names, orientation="h", marker={"color": OTHER_COLOURS[1], "line": {"width": 0}},
        name="importance",
        error_x={"array": 100 * np.minimum(found.spread, 1 - found.share), "symmetric": False, "thickness": 1.5,
                 "arrayminus": 100 * np.minimum(found.spread, np.maximum(found.share, 0)), "color": NEUTRAL},
        customdata=[f"{percent(s)} ± {percent(spread)}" for s, spread in zip(found.share, found.spread, strict=True)],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )  # fmt: skip
    made.update_yaxes(autorange="reversed")
    made.update_xaxes(ticksuffix=" %", rangemode="tozero")
    said = ", ".join(f"{name} {percent(share)}" for name, share in zip(names, found.share, strict=True))
    return Picture(
        "sweep-importance",
        made,
        f"How much a random forest uses each setting to predict the {quantity} of {counted(found.runs, 'run')}. "
        f"{known}, on runs that a tree has not seen.",
        f"Importance of each setting for {quantity}: {said}. {known}.",
        {
            "setting": names,
            "share of the importance": found.share.tolist(),
            "standard deviation over shuffles": found.spread.tolist(),
        },
        WHY,
    )


WHY = """
The forest has 100 trees. Each tree learns the quantity from the settings of a random choice of the runs. To ask what
one setting is worth, its values are shuffled among the runs, ten times. The bar is what the forest then gets wrong,
and the thin line is its spread over the ten shuffles.

A setting that acts only together with another one has a bar, too. Two settings that always change together share
theirs. The seed should not matter: a bar as short as the seed's says nothing.
"""
