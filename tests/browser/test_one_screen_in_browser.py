"""What is to be watched is in sight while the hand drags, on a laptop, on a phone and on a projector."""

import re

from browsing import press, resting_box, settle
from exploring import eventually, redraws
from playwright.sync_api import FloatRect, Page, expect

LAPTOP, PHONE, PROJECTOR = (
    {"width": width, "height": height} for width, height in ((1280, 800), (390, 844), (1280, 720))
)


def chart(page: Page, key: str) -> FloatRect:
    return resting_box(page.locator(f'.live-chart[data-key="{key}"]'))


def bottom(box: FloatRect) -> float:
    return box["y"] + box["height"]


def hold_and_drag(page: Page, key: str, to: float = 0.5) -> FloatRect:
    """Take a thumb and move it there, until the profile has followed; the slider's place while the hand holds it."""
    track = page.locator(f'.live-slider[data-key="{key}"] .range')
    box = resting_box(track)
    before = redraws(page)
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * to, box["y"] + box["height"] / 2, steps=6)
    assert eventually(page, lambda: redraws(page) > before)
    return resting_box(track)


PANELS = {"Wave": "wave", "Hidden states": "hidden-lstm", "Gates": "gate-saturation", "Clipping": "clipping"}


def test_the_slider_in_the_hand_the_profile_and_the_panel_are_on_one_screen_of_a_laptop(explore):
    page = explore(viewport=LAPTOP)
    for k, (name, key) in enumerate(PANELS.items()):
        page.get_by_role("radio", name=name, exact=True).click()
        shown = page.locator(f'.live-chart[data-key="{key}"]')
        shown.wait_for(state="attached")
        settle(page)
        shown.evaluate("chart => chart.scrollIntoView({block: 'end'})")
        page.locator(f'.live-chart[data-key="{key}"][data-redraws]').wait_for()
        slider = hold_and_drag(page, "largest_singular_value", to=0.5 + 0.05 * k)
        hero, panel = chart(page, "profile"), chart(page, key)
        page.mouse.up()
        header = bottom(resting_box(page.get_by_test_id("stHeader")))
        assert header <= slider["y"] < bottom(slider) <= hero["y"], name
        assert bottom(hero) <= panel["y"], name
        assert bottom(panel) <= LAPTOP["height"] + 1, f"{name} is {bottom(panel)} px down"
        assert hero["height"] >= 240, name
        assert panel["height"] >= 200, name
        assert page.get_by_role("heading", name="What does the gradient do here?").is_visible()
    page.locator(".st-key-changes p").first.evaluate("words => { words.textContent = 'changed '.repeat(60); }")
    rows = {resting_box(page.get_by_role("button", name=name, exact=True))["y"] for name in ("Undo", "Redo", "Reset")}
    assert len(rows) == 1, "the buttons stay in one row beside long words"


def test_on_a_phone_the_chart_comes_first_and_one_slider_is_below_it(explore):
    page = explore(viewport=PHONE)
    title = resting_box(page.get_by_role("heading", level=1))
    starting_point = resting_box(page.get_by_role("button", name="Vanishing tanh"))
    slider, hero = hold_and_drag(page, "largest_singular_value"), chart(page, "profile")
    page.mouse.up()
    assert hero["y"] - bottom(title) < 40, "nothing is between the title and the chart"
    assert bottom(hero) <= starting_point["y"], "the starting points come after it"
    assert bottom(hero) <= slider["y"] < bottom(slider) <= PHONE["height"]
    others = page.locator(".live-slider .range").all()
    seen = [box for box in map(resting_box, others) if box["x"] + box["width"] <= PHONE["width"]]
    assert len(seen) == 1, "one slider at a time; the others are a swipe away"


def test_on_a_projector_the_profile_is_large_and_one_panel_fills_the_screen(explore):
    page = explore("?projector=1&panel=Gates", viewport=PROJECTOR)
    assert not page.get_by_test_id("stHeader").is_visible()
    size = (
        "[...document.querySelectorAll('.live-chart[data-key=profile] .gtitle')].map(t => getComputedStyle(t).fontSize)"
    )
    assert page.evaluate(size) == ["20px"]
    slider, hero = hold_and_drag(page, "largest_singular_value"), chart(page, "profile")
    page.mouse.up()
    assert hero["height"] >= 480
    assert slider["y"] >= 0
    assert bottom(hero) <= PROJECTOR["height"] + 1, "sliders and the profile are on one screen"

    page.get_by_text("Full screen", exact=True).click()
    expect(page.locator('.live-chart[data-key="profile"]')).to_have_count(0)
    panel = chart(page, "gate-saturation")
    slider = resting_box(page.locator('.live-slider[data-key="largest_singular_value"] .range'))
    assert panel["height"] >= 480
    assert bottom(slider) <= panel["y"]
    assert bottom(panel) <= PROJECTOR["height"] + 1
    expect(page).to_have_url(re.compile("alone=True"))
    page.get_by_text("Full screen", exact=True).click()
    expect(page.locator('.live-chart[data-key="profile"]')).to_be_visible()

    press(page, "Leave projector")
    assert eventually(page, lambda: page.evaluate(size) == ["16px"])
    assert page.get_by_test_id("stHeader").is_visible()
