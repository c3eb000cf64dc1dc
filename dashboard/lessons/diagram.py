"""A diagram of a unit or a network: circles, boxes and arrows, as an SVG for the page and for paper."""

import math
import re
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 420, 150
RADIUS = 17
"""Of a unit; a box is as high, and as wide as its words need."""

Shape = Literal["unit", "box", "word"]


@dataclass(frozen=True)
class Node:
    """A circle, a box, or words alone, with its middle at (x, y)."""

    x: float
    y: float
    label: str
    """`h_1` and `h_{t−1}` have what follows `_` as a subscript."""
    shape: Shape = "unit"

    @property
    def half_width(self) -> float:
        """Half of what it takes from left to right."""
        letters = len(re.sub(r"[_{}]", "", self.label))
        return RADIUS if self.shape == "unit" else 3.8 * letters + (10 if self.shape == "box" else 6)

    def edge_towards(self, x: float, y: float) -> tuple[float, float]:
        """Where a line from its middle to (x, y) leaves it."""
        across, down = x - self.x, y - self.y
        if self.shape == "unit":
            far = math.hypot(across, down) / RADIUS
        else:
            far = max(abs(across) / self.half_width, abs(down) / (RADIUS if self.shape == "box" else 11))
        return self.x + across / far, self.y + down / far


@dataclass(frozen=True)
class Arrow:
    """From one node to another, by their places in the list; from a node to itself it is a loop above it."""

    start: int
    end: int
    label: str = ""
    back: bool = False
    """Dashed, as the gradient's way back is drawn; an arc below the nodes."""


@dataclass(frozen=True)
class Diagram:
    """Nodes, arrows and vertical cuts."""

    says: str
    """The diagram in words."""
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    cuts: tuple[float, ...] = ()
    """x of dashed vertical lines."""

    def write_svg(self) -> str:
        """The diagram as an SVG in the colour of the text around it."""
        marker = (
            '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8Z" fill="currentColor"/></marker>'
        )
        parts = [f'<path d="M{x:g} 45V{HEIGHT - 25}" stroke-dasharray="3 4"/>' for x in self.cuts]
        parts += [self._write_arrow(arrow) for arrow in self.arrows]
        parts += [_write_node(node) for node in self.nodes]
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" fill="none" '
            f'stroke="currentColor" stroke-width="1.5" font-size="14"><title>{escape(self.says)}</title>'
            f"<defs>{marker}</defs>{''.join(parts)}</svg>"
        )

    def _write_arrow(self, arrow: Arrow) -> str:
        a, b = self.nodes[arrow.start], self.nodes[arrow.end]
        if a is b:  # a loop above the node
            low, high = a.y - RADIUS, a.y - 58
            path = f"M{a.x - 9:g} {low:g}C{a.x - 34:g} {high:g} {a.x + 34:g} {high:g} {a.x + 9:g} {low:g}"
            middle = a.x, a.y - 54
        elif arrow.back:
            deep = a.y + 52
            path = f"M{a.x:g} {a.y + RADIUS + 2:g}Q{(a.x + b.x) / 2:g} {deep:g} {b.x:g} {b.y + RADIUS + 3:g}"
            middle = (a.x + b.x) / 2, deep
        else:
            (x1, y1), (x2, y2) = a.edge_towards(b.x, b.y), b.edge_towards(a.x, a.y)
            path = f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
            beside = (0, -8) if abs(y2 - y1) < abs(x2 - x1) else (16, 4)
            middle = (x1 + x2) / 2 + beside[0], (y1 + y2) / 2 + beside[1]
        dash = ' stroke-dasharray="5 4"' if arrow.back else ""
        line = f'<path d="{path}" marker-end="url(#tip)"{dash}/>'
        return line + _write_words(*middle, arrow.label) if arrow.label else line


def _write_node(node: Node) -> str:
    words = _write_words(node.x, node.y + 5, node.label)
    if node.shape == "word":
        return words
    if node.shape == "unit":
        return f'<circle cx="{node.x:g}" cy="{node.y:g}" r="{RADIUS}"/>{words}'
    half = node.half_width
    left, top = node.x - half, node.y - RADIUS
    return f'<rect x="{left:g}" y="{top:g}" width="{2 * half:g}" height="{2 * RADIUS}" rx="5"/>{words}'


def _write_words(x: float, y: float, label: str) -> str:
    """Words around (x, y), what follows `_` a little lower and smaller."""
    spans = []
    for k, part in enumerate(re.split(r"_(\{[^}]*\}|.)", label)):
        text = escape(part.strip("{}"))
        if k % 2:
            spans.append(f'<tspan dy="4" font-size="10">{text}</tspan><tspan dy="-4">&#8203;</tspan>')
        elif text:
            spans.append(f"<tspan>{text}</tspan>")
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="middle"'
    return f'<text {place} fill="currentColor" stroke="none">{"".join(spans)}</text>'
