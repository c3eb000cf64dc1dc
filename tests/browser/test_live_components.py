"""The live slider and the live chart, watched in a browser while a hand moves."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import KNOW_WHAT_WAITS, open_beside, press, resting_box, serious_faults, settle
from playwright.sync_api import Browser, Locator, Page, Route, expect

DEMO = Path(__file__).with_name("live_demo.py")
CHARTS = ("lines", "wave")
PARTS = ("live_chart/live_chart.js", "shared/charts.js", "plotly.min.js")
OpenPage = Callable[..., Page]


@pytest.fixture
def fresh(serve: Callable[[Path], str], open_page: OpenPage) -> Page:
    """A page for one test, which leaves it otherwise than it was."""
    return with_charts(open_page(serve(DEMO)))


@pytest.fixture(scope="module")
def shared(serve: Callable[[Path], str], opener: Page) -> Iterator[Page]:
    with with_charts(open_beside(opener, serve(DEMO))) as page:
        yield page


@pytest.fixture
def demo(shared: Page) -> Page:
    """The page of all tests that do no more to it than move its sliders, which stand where they stood at first."""
    for key in ("base", "threshold"):
        number = slider(shared, key).locator(".number")
        number.fill("1")
        number.press("Enter")
    expect(shared.get_by_text("server: 1, 1, 40")).to_be_visible(timeout=10_000)
    expect_picture_of(shared, 1)
    settle(shared)
    return shared


def with_charts(page: Page) -> Page:
    for key in CHARTS:
        page.wait_for_selector(f".live-chart[data-key='{key}'][data-redraws]")
    settle(page)
    return page


def slider(page: Page, key: str = "base") -> Locator:
    return page.locator(f".live-slider[data-key='{key}']")


def thumb(page: Page, key: str = "base") -> Locator:
    return slider(page, key).locator(".range")


def redraws(page: Page, key: str = "lines") -> int:
    return int(page.locator(f".live-chart[data-key='{key}']").get_attribute("data-redraws") or 0)


def plot(page: Page, expression: str, key: str = "lines", argument: Any = None) -> Any:
    """The value of a JavaScript expression of `plot`, the node that Plotly draws in."""
    finder = f"document.querySelector(\".live-chart[data-key='{key}'] .live-chart-plot\")"
    return page.evaluate(f"(argument) => {{ const plot = {finder}; return {expression}; }}", argument)


def wait_until(page: Page, expression: str, key: str = "lines") -> None:
    finder = f"document.querySelector(\".live-chart[data-key='{key}'] .live-chart-plot\")"
    page.wait_for_function(f"() => {{ const plot = {finder}; return {expression}; }}", timeout=10_000)


def expect_server(page: Page, base: str) -> None:
    expect(page.get_by_text(re.compile(rf"^server: {re.escape(base)},"))).to_be_visible(timeout=10_000)


def expect_picture_of(page: Page, base: float) -> None:
    """The drawn curve is base ** lag: its third point is base squared."""
    wait_until(page, f"Math.abs(plot._fullData[0].y[2] - {base!r} ** 2) < 1e-6")


def grab(page: Page, key: str = "base") -> dict[str, float]:
    """Press the mouse on the thumb; its box, to move within."""
    box = resting_box(thumb(page, key))
    share = thumb(page, key).evaluate("(e) => (e.value - e.min) / (e.max - e.min)")
    page.mouse.move(box["x"] + 9 + share * (box["width"] - 18), box["y"] + box["height"] / 2)
    page.mouse.down()
    return {"left": box["x"] + 9, "width": box["width"] - 18, "y": box["y"] + box["height"] / 2}


def test_charts_follow_the_thumb_during_the_drag_and_end_at_its_value(demo: Page) -> None:
    before = redraws(demo)
    rail = grab(demo)
    for i in range(60):
        demo.mouse.move(rail["left"] + rail["width"] * (0.5 - 0.3 * i / 59), rail["y"])
        demo.wait_for_timeout(15)
    during = redraws(demo) - before
    demo.mouse.move(rail["left"] + rail["width"] * 0.85, rail["y"])  # a last jump, released at once
    demo.mouse.up()
    assert during >= 5, f"the chart was redrawn {during} times while the button was down"

    final = float(thumb(demo).evaluate("(e) => e.value")) / 100
    assert final == pytest.approx(1.7, abs=0.03)
    expect_picture_of(demo, final)
    expect_server(demo, f"{final:.6g}")
    expect(slider(demo).locator(".number")).to_have_value(f"{final:.2f}".rstrip("0"))
    expect(demo.get_by_role("img", name=f"{final:.3g} to the power of the lag")).to_be_visible()


def test_an_answer_of_the_server_does_not_move_a_held_thumb(demo: Page) -> None:
    rail = grab(demo)
    positions = []
    for share in (0.2, 0.4, 0.6, 0.8):
        demo.mouse.move(rail["left"] + rail["width"] * share, rail["y"])
        demo.wait_for_timeout(30)  # moved again while the answer is under way
        positions.append(float(thumb(demo).evaluate("(e) => e.value")) / 200)
    demo.wait_for_timeout(600)
    assert positions == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.02)
    assert float(thumb(demo).evaluate("(e) => e.value")) / 200 == pytest.approx(0.8, abs=0.02)
    demo.mouse.up()


def test_zoom_and_hidden_trace_survive_and_the_node_is_never_replaced(fresh: Page) -> None:
    plot(fresh, "(window.first = plot, window.firstSvg = plot.querySelector('.main-svg'), true)")
    area = fresh.locator(".live-chart[data-key='lines'] .nsewdrag").bounding_box()
    assert area
    fresh.mouse.move(area["x"] + area["width"] * 0.3, area["y"] + area["height"] * 0.2)
    fresh.mouse.down()
    fresh.mouse.move(area["x"] + area["width"] * 0.6, area["y"] + area["height"] * 0.8, steps=5)
    fresh.mouse.up()
    wait_until(fresh, "plot.layout.xaxis.range?.length === 2 && plot.layout.xaxis.autorange === false")
    zoom = plot(fresh, "[...plot.layout.xaxis.range, ...plot.layout.yaxis.range]")
    fresh.locator(".live-chart[data-key='lines'] .legendtoggle").nth(1).click()
    wait_until(fresh, "plot._fullData[1].visible === 'legendonly'")

    before = redraws(fresh)
    thumb(fresh).focus()
    for _ in range(10):
        fresh.keyboard.press("ArrowRight")
    expect_picture_of(fresh, 1.1)
    assert redraws(fresh) > before
    assert plot(fresh, "[...plot.layout.xaxis.range, ...plot.layout.yaxis.range]") == pytest.approx(zoom)
    assert plot(fresh, "plot._fullData[1].visible") == "legendonly"
    assert plot(fresh, "plot === window.first && plot.querySelector('.main-svg') === window.firstSvg")


def test_plotly_is_loaded_once_for_all_charts_and_from_this_server(
    serve: Callable[[Path], str], open_page: OpenPage
) -> None:
    url = serve(DEMO)
    page = open_page("about:blank", settled=False)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url)
    with_charts(page)
    thumb(page).press("ArrowRight")
    expect_picture_of(page, 1.01)
    plotly = [request for request in requests if "plotly.min.js" in request]
    assert len(plotly) == 1
    assert plotly[0].startswith(url)
    abroad = [r for r in requests if not r.startswith((url, "blob:", "data:", "ws:", "about:"))]
    assert abroad == []


def test_a_typed_value_is_kept_exactly_or_clamped_and_what_is_not_allowed_is_said(demo: Page) -> None:
    number, said = slider(demo).get_by_label("Largest singular value, exact value"), slider(demo).get_by_role("status")
    for typed, server in [("7", "2"), ("-3", "0"), ("5e-1", "0.5"), ("0,25", "0.25"), ("1.23456", "1.23456")]:
        number.fill(typed)
        number.press("Enter")
        expect_server(demo, server)
        words = f"Largest singular value was {typed}; allowed: 0 to 2. It is {server} now."
        expect(said).to_have_text(words if typed in ("7", "-3") else "")
    expect_picture_of(demo, 1.23456)
    number.blur()
    expect(number).to_have_value("1.23")
    number.fill("fast")
    expect(number).to_have_attribute("aria-invalid", "true")
    number.press("Enter")
    expect(number).to_have_attribute("aria-invalid", "false")
    expect(number).to_have_value("1.23456")
    expect(said).to_have_text("Largest singular value was fast; allowed: 0 to 2. It is 1.23 now.")
    expect_server(demo, "1.23456")


def test_arrow_keys_move_by_one_step_and_the_last_one_arrives(demo: Page) -> None:
    thumb(demo).focus()
    for _ in range(25):
        demo.keyboard.press("ArrowLeft")
    expect_server(demo, "0.75")
    expect_picture_of(demo, 0.75)
    demo.keyboard.press("Home")
    expect_server(demo, "0")
    demo.keyboard.press("End")
    expect_server(demo, "2")


def test_a_logarithmic_slider_steps_in_decades(demo: Page) -> None:
    thumb(demo, "threshold").focus()
    for _ in range(20):
        demo.keyboard.press("ArrowRight")
    expect(demo.get_by_text("server: 1, 10, 40")).to_be_visible(timeout=10_000)
    demo.keyboard.press("Home")
    expect(demo.get_by_text("server: 1, 0.001, 40")).to_be_visible(timeout=10_000)


def test_a_preset_moves_the_thumb_and_the_hand_goes_on_from_there(demo: Page) -> None:
    thumb(demo).press("ArrowRight")
    expect_server(demo, "1.01")
    press(demo, "Vanish")
    expect_server(demo, "0.5")
    expect(thumb(demo)).to_have_value("50")
    expect(slider(demo).locator(".number")).to_have_value("0.5")
    thumb(demo).press("ArrowRight")
    expect_server(demo, "0.51")
    slider(demo).locator(".number").fill("9")
    slider(demo).locator(".number").press("Enter")
    expect(slider(demo).get_by_role("status")).to_contain_text("was 9; allowed: 0 to 2")
    press(demo, "Vanish")
    expect_server(demo, "0.5")
    expect(slider(demo).get_by_role("status")).to_have_text("")


def test_a_figure_that_cannot_be_drawn_says_so_in_place_and_recovers(demo: Page) -> None:
    demo.evaluate("() => { window.react = Plotly.react; Plotly.react = async () => { throw Error('no such axis'); }; }")
    thumb(demo).press("ArrowRight")
    chart = demo.locator(".live-chart[data-key='lines']")
    expect(chart.get_by_role("alert")).to_have_text("This figure could not be drawn: no such axis")
    demo.evaluate("() => { Plotly.react = window.react; }")
    demo.keyboard.press("ArrowRight")
    expect_picture_of(demo, 1.02)
    expect(chart.locator(".live-chart-error")).to_be_hidden()
    expect(chart.locator(".main-svg").first).to_be_visible()


def test_a_burst_of_updates_ends_with_the_newest_picture(fresh: Page) -> None:
    """While each of the two charts is still being drawn, the next pictures are skipped, but for the last one."""
    fresh.evaluate("""() => {
        const react = Plotly.react;
        const held = new Promise((release) => Object.assign(window, { release, calls: 0 }));
        Plotly.react = (...all) => {
            window.calls += 1;
            return held.then(() => react(...all));
        };
    }""")
    thumb(fresh).focus()
    for _ in range(30):
        fresh.keyboard.press("ArrowRight")
    expect_server(fresh, "1.3")
    fresh.evaluate("window.release()")
    expect_picture_of(fresh, 1.3)
    assert 0 < fresh.evaluate("window.calls") <= 2 * 3


def test_saving_a_picture_downloads_png_and_svg(demo: Page) -> None:
    chart = demo.locator(".live-chart[data-key='lines']")
    chart.hover()
    for kind in ("png", "svg"):
        with demo.expect_download() as download:
            chart.locator(f".modebar-btn[data-title='Download as {kind.upper()}']").click()
        assert download.value.suggested_filename == f"lines.{kind}"


def test_the_chart_follows_the_width_of_its_column(fresh: Page) -> None:
    wide = plot(fresh, "plot._fullLayout.width")
    fresh.set_viewport_size({"width": 900, "height": 900})
    wait_until(fresh, f"plot._fullLayout.width < {wide} && plot._fullLayout.width === plot.offsetWidth")


def test_no_serious_accessibility_violation_and_a_change_of_theme_recolours_the_chart_in_place(
    serve: Callable[[Path], str], open_page: OpenPage
) -> None:
    page = with_charts(open_page(serve(DEMO), theme="dark"))
    assert serious_faults(page) == []
    plot(page, "(window.first = plot, true)")
    dark = plot(page, "plot._fullLayout.font.color")
    page.emulate_media(color_scheme="light")
    wait_until(page, f"plot._fullLayout.font.color !== '{dark}'")
    assert plot(page, "plot === window.first")
    assert plot(page, "plot._fullLayout.paper_bgcolor") == "rgba(0,0,0,0)"
    assert serious_faults(page) == []


def test_each_script_whose_connection_breaks_is_asked_for_again(serve, browser: Browser) -> None:
    broken: set[str] = set()

    def break_once(route: Route) -> None:
        part = next(part for part in PARTS if part in route.request.url)
        if part in broken:
            route.continue_()
        else:
            broken.add(part)
            route.abort("connectionreset")

    with browser.new_context() as context:  # one that has kept no script
        context.add_init_script(KNOW_WHAT_WAITS)
        page = context.new_page()
        page.route(re.compile("|".join(map(re.escape, PARTS))), break_once)
        page.goto(serve(DEMO))
        with_charts(page)
    assert broken == set(PARTS)
