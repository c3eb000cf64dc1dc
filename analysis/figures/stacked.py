"""A row of charts one below the other, where the page is as narrow as a phone."""

from analysis.figures.picture import Picture

BETWEEN = 96
"""Pixels between two charts, for the axis's name above and the title below."""


def stacked(picture: Picture) -> Picture:
    """The picture, whose row of charts a narrow page shows one below the other: another layout for the same traces.

    Args:
        picture: of a `grid` with one row, whose charts have the axes x and y, x2 and y2, ….
    """
    layout = picture.figure.layout.to_plotly_json()
    count = sum(name.startswith("xaxis") for name in layout)
    margin = layout.get("margin", {})
    inner = layout["height"] - margin.get("t", 64) - margin.get("b", 48)
    tall = count * inner + (count - 1) * BETWEEN
    narrow = {"height": layout["height"] + tall - inner}
    tops = [1 - k * (inner + BETWEEN) / tall for k in range(count)]
    for k, top in enumerate(tops):
        number = str(k + 1) if k else ""
        narrow[f"xaxis{number}"] = {**layout[f"xaxis{number}"], "domain": [0, 1]}
        bottom = max(top - inner / tall, 0.0)
        narrow[f"yaxis{number}"] = {**layout[f"yaxis{number}"], "domain": [bottom, top], "showticklabels": True}
    titles = layout.get("annotations", [])
    narrow["annotations"] = [
        {**title, "x": 0.5, "y": top} for title, top in zip(titles, tops, strict=False)
    ] + titles[count:]  # fmt: skip
    picture.figure.update_layout(meta={**layout.get("meta", {}), "narrow": narrow})
    return picture
