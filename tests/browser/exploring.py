"""What the tests of Explore do with its page: drag, type, read a chart, compare it with `probe`."""

import json
import math
import re
import time
from collections.abc import Callable

import numpy as np
from browsing import resting_box, settle
from playwright.sync_api import Page

from experiments.config.run_config import RunConfig
from experiments.probing.probe import Probe, probe

NAMES = {"elman": "Elman", "lstm": "LSTM", "gru": "GRU"}
PAGE = {"seq_len": 100, "forget_bias": 0.0, "largest_singular_value": 1.0}
"""What the page sets where `RunConfig` has another default, or none."""


def redraws(page: Page, chart: str = "profile") -> int:
    return int(page.locator(f'.live-chart[data-key="{chart}"]').get_attribute("data-redraws") or 0)


RECORD_FRAMES = """keys => {
    const react = Plotly.react;
    const [justDrawnWhole, redrawnWhole] = [new Set(), new Set()];
    Plotly.react = async (plot, ...figure) => {
        await react(plot, ...figure);
        justDrawnWhole.add(plot);
        setTimeout(() => justDrawnWhole.delete(plot) && redrawnWhole.add(plot)); // unless it was a new figure
    };
    const parts = ["d", "transform", "x", "y", "width", "height", "href", "fill", "stroke"];
    const picture = (chart) => {
        const nodes = [...chart.querySelectorAll(".main-svg :is(path, text, image, rect)")];
        return nodes.map(node => [...parts.map(part => node.getAttribute(part)), node.textContent]);
    };
    const frames = new Map();
    const find = (key) => {
        const chart = document.querySelector(`.live-chart[data-key="${key}"]`);
        return [chart, chart.querySelector(".live-chart-plot")];
    };
    for (const key of keys) {
        const [chart, plot] = find(key);
        const keep = () => {
            redrawnWhole.delete(plot);
            if (!justDrawnWhole.delete(plot)) frames.set(key, [chart.dataset.revision, picture(chart)]);
        };
        new MutationObserver(keep).observe(chart, {attributeFilter: ["data-redraws"]});
    }
    window.frameAndWhole = (key) => {
        const [chart, plot] = find(key);
        const [revision, frame] = frames.get(key) ?? [];
        return redrawnWhole.has(plot) && revision === chart.dataset.revision ? [frame, picture(chart)] : null;
    };
}"""
"""Keeps the last picture of each chart that came without `Plotly.react`, beside the one that then came by it."""


SLOW_ANSWERS = """(wait) => {
    window.way = { onWay: 0, most: 0, asked: [], answered: [], drawn: [] };
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
        if (!this.url.endsWith("/live")) return send.call(this, text);
        way.asked.push(JSON.parse(text).state);
        way.most = Math.max(way.most, ++way.onWay);
        if (!this.isSlow) {
            this.isSlow = true;
            const hear = this.onmessage;
            this.onmessage = (event) => setTimeout(() => {
                way.answered.push(JSON.parse(event.data).charts.profile.revision);
                way.onWay -= 1;
                hear(event);
            }, wait);
        }
        return send.call(this, text);
    };
    const chart = document.querySelector('.live-chart[data-key="profile"]');
    const draw = () => way.drawn.push(chart.dataset.revision);
    new MutationObserver(draw).observe(chart, { attributeFilter: ["data-redraws"] });
}"""
"""Makes each answer to a drag come `wait` ms later, and writes down what is asked, answered and drawn."""


def line(page: Page, name: str, chart: str = "profile") -> list[float]:
    """The y values that the chart draws for a trace; none while it is being made anew."""
    return page.evaluate(
        """([key, name]) => {
            const plot = document.querySelector(`.live-chart[data-key="${key}"] .live-chart-plot`);
            return Array.from(plot?._fullData?.find(trace => trace.name === name)?.y ?? []);
        }""",
        [chart, name],
    )


def hovered(page: Page, chart: str, trace: int, x: int, y: int | None = None) -> str:
    """What a chart says when the pointer is over a point of a trace, or over a map's cell at column x and row y."""
    place = page.locator(f'.live-chart[data-key="{chart}"]')
    place.scroll_into_view_if_needed()
    at = place.evaluate(
        """(chart, [k, x, y]) => {
            const plot = chart.querySelector(".live-chart-plot");
            const { left, top } = plot.getBoundingClientRect();
            const { xaxis, yaxis } = plot._fullLayout;
            const { x: xs, y: ys } = plot._fullData[k];
            return [left + xaxis._offset + xaxis.d2p(xs[x]), top + yaxis._offset + yaxis.d2p(ys[y ?? x])];
        }""",
        [trace, x, y],
    )
    page.mouse.move(at[0] - 2, at[1])
    page.mouse.move(*at)
    said = place.locator(".hoverlayer .hovertext").first
    said.wait_for()
    return said.text_content() or ""


def eventually(page: Page, holds: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether it holds within some seconds; the browser goes on meanwhile."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        page.wait_for_timeout(100)
    return True


def drag(
    page: Page, key: str, start: float, stop: float, changes: int = 2, chart: str = "profile", release: bool = True
) -> bool:
    """Drag a thumb from one fraction of the track to another; whether the chart changed so often before the release."""
    track = page.locator(f'.live-slider[data-key="{key}"] .range')
    track.scroll_into_view_if_needed()
    box = resting_box(track)
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    before = redraws(page, chart)
    for k in range(1, 13):
        page.mouse.move(box["x"] + (start + (stop - start) * k / 12) * box["width"], y)
        # a hand that waits for the picture: a busy machine draws late, not never
        eventually(page, lambda: redraws(page, chart) > before, 0.1 if k % 4 else 10.0)
    followed = eventually(page, lambda: redraws(page, chart) >= before + changes)
    if release:
        page.mouse.up()
    return followed


def hold_frame_against_whole(page: Page, key: str) -> None:
    """The last frame of a drag is what Plotly then draws of the same figure as a whole, to a tenth of a pixel."""
    pictures: list[list[object]] = []

    def are_drawn() -> bool:
        pictures[:] = page.evaluate("key => frameAndWhole(key)", key) or []
        return len(pictures) == 2

    assert eventually(page, are_drawn)
    frame, whole = (sorted(map(shape_and_numbers, picture)) for picture in pictures)
    assert [shape for shape, _ in frame] == [shape for shape, _ in whole]
    for (shape, of_frame), (_, of_whole) in zip(frame, whole, strict=True):
        np.testing.assert_allclose(of_frame, of_whole, atol=0.1, err_msg=shape)


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def shape_and_numbers(node: object) -> tuple[str, list[float]]:
    """What a node of a picture says, apart from its numbers, and these."""
    text = json.dumps(node)
    return NUMBER.sub("#", text), [float(number) for number in NUMBER.findall(text)]


def value_of(page: Page, key: str) -> float:
    """What a slider stands at, all digits: they show while its field has the focus."""
    settle(page)
    field = page.locator(f'.live-slider[data-key="{key}"] .number')
    field.focus()
    value = float(field.input_value())
    field.blur()
    return value


def type_value(page: Page, key: str, value: str) -> None:
    settle(page)
    field = page.locator(f'.live-slider[data-key="{key}"] .number')
    field.fill(value)
    field.press("Enter")


def passes(**settings: object) -> dict[str, Probe]:
    """What `probe` computes for the three cells with the page's settings."""
    return {cell: probe(RunConfig(cell=cell, **{**PAGE, **settings})) for cell in NAMES}


def shows(page: Page, expected: dict[str, Probe]) -> bool:
    """Whether the profile's lines are these, to the digits that float32 sends."""
    for cell, result in expected.items():
        wanted = result.profile.median / math.log(10)
        drawn = np.array(line(page, NAMES[cell]), dtype=float)  # null, a gap, becomes NaN
        if drawn.shape != wanted.shape or not np.allclose(
            drawn, np.where(np.isfinite(wanted), wanted, np.nan), atol=1e-3, equal_nan=True
        ):
            return False
    return True
