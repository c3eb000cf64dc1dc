"""What a chart shows is within its axes, whatever it showed before; a reader's own zoom stays."""

from collections.abc import Callable
from pathlib import Path

import pytest
from exploring import type_value
from pictured import DATA
from playwright.sync_api import Page, expect

DEMO = Path(__file__).with_name("axes_demo.py")

OUTSIDE = """() => [...document.querySelectorAll('.live-chart[data-redraws]')].flatMap(chart => {
    const plot = chart.querySelector('.live-chart-plot');
    return plot._fullData.flatMap(trace => ['x', 'y'].flatMap(side => {
        const axis = plot._fullLayout[(trace[`${side}axis`] ?? side).replace(/^([xy])/, '$1axis')];
        if (trace.type === 'bar' || !trace[side]) return [];
        const [low, high] = [...axis.range].sort((a, b) => a - b);
        const at = Array.from(trace[side]).map(v => axis.d2l(v)).filter(v => Number.isFinite(v) && Math.abs(v) < 1e300);
        const slack = 1e-6 * (Math.abs(low) + Math.abs(high));
        const out = at.filter(v => v < low - slack || v > high + slack);
        const said = `${chart.dataset.key} ${trace.name} ${side}: ${out[0]} is not in ${low} … ${high}`;
        return out.length ? [said] : [];
    }));
})"""
SHOWN = """name => {
    const charts = [...document.querySelectorAll('.live-chart[data-key]')];
    const words = chart => chart.querySelector('.live-chart-words').getAttribute('aria-label');
    return charts.length > 0 && charts.every(c => c.dataset.redraws && words(c).endsWith(`: ${name}`));
}"""


@pytest.fixture
def demo(serve: Callable[[Path], str], open_page: Callable[..., Page]) -> Page:
    page = open_page(serve(DEMO), viewport={"width": 2400, "height": 1000})
    page.wait_for_function(SHOWN, arg="rising")
    return page


def choose(page: Page, name: str) -> None:
    page.get_by_text(name, exact=True).first.click()
    page.wait_for_function(SHOWN, arg=name)


GIVEN = ("chart-1 ",)
"""The chart whose range is given, not taken from the data."""


def test_every_chart_is_driven_through_what_no_axis_has_a_place_for_and_back(demo: Page) -> None:
    assert not demo.locator(".live-chart-error:visible").count()
    for name in (*DATA, "rising"):
        choose(demo, name)
        outside = [said for said in demo.evaluate(OUTSIDE) if not said.startswith(GIVEN)]
        assert outside == [], name
    assert not demo.locator(".live-chart-error:visible").count()


RANGE = "() => document.querySelector('.live-chart-plot')._fullLayout.yaxis.range"


def test_a_zoom_of_the_readers_own_stays_and_a_double_click_gives_the_axes_back(demo: Page) -> None:
    whole = demo.evaluate(RANGE)
    area = demo.locator(".live-chart .nsewdrag").first.bounding_box()
    assert area
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    demo.mouse.move(x - 20, y - 30)
    demo.mouse.down()
    demo.mouse.move(x + 20, y + 30, steps=4)
    demo.mouse.up()
    demo.wait_for_function(f"before => ({RANGE})()[1] < before", arg=whole[1])
    zoomed = demo.evaluate(RANGE)
    choose(demo, "some of each")
    assert demo.evaluate(RANGE) == pytest.approx(zoomed)
    demo.mouse.dblclick(x, y)
    demo.wait_for_function(f"before => Math.abs(({RANGE})()[1] - before) > 1e-6", arg=zoomed[1])
    assert [said for said in demo.evaluate(OUTSIDE) if not said.startswith(GIVEN)] == []
    choose(demo, "rising")
    assert demo.evaluate(RANGE) == pytest.approx(whole), "the newest figure's axes, not the first one's"


def test_the_hero_is_seen_on_both_sides_of_one_and_at_length_one(explore: Callable[..., Page]) -> None:
    page = explore("?cells=elman&nonlinearity=identity&spectrum_shape=equal&largest_singular_value=1.1")
    for key, value in (("largest_singular_value", v) for v in ("1.05", "1", "0.9", "1", "1.2")):
        type_value(page, key, value)
        expect(page.get_by_text(f"largest singular value {value}").first).to_be_visible()
        page.wait_for_function(f"() => ({OUTSIDE})().length === 0")
    for value in ("1", "2", "100"):
        type_value(page, "seq_len", value)
        drawn = (
            "n => document.querySelector('.live-chart-plot')._fullData.some(t => t.name === 'Elman' && t.y.length == n)"
        )
        page.wait_for_function(drawn, arg=int(value))
        page.wait_for_function(f"() => ({OUTSIDE})().length === 0")
