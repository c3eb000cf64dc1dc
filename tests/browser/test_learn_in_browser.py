"""Lessons in a real browser: each is run through, by keyboard, on a projector; a reload keeps the prediction."""

import re
from urllib.parse import unquote

import pytest
from access import faults_of_access
from browsing import press, resting_box, serious_faults, settle
from exploring import value_of
from playwright.sync_api import Page, expect

from dashboard.lessons.lesson import Bench, Live, Slider
from dashboard.lessons.question import Choices, Curve
from dashboard.lessons.registry import LESSONS
from experiments.runs.opening import open_run

EACH = pytest.mark.parametrize("lesson", LESSONS, ids=[f"{lesson.number}-{lesson.title}" for lesson in LESSONS])
FIRST_OF_A_KIND = [next(lesson for lesson in LESSONS if isinstance(lesson.question, kind)) for kind in (Choices, Curve)]
"""The lessons that stand for how a prediction is made and kept: all of a kind share the code for that."""
DRAWN = [lesson for lesson in LESSONS if isinstance(lesson.question, Curve)]
PROJECTOR = {"width": 1280, "height": 720}
PHONE = {"width": 390, "height": 844}


NARROW = "width => document.querySelector('[data-testid=stMain]').scrollWidth <= width"
"""Nothing sticks out to the side. Once a chart has followed the width: a wait, not a look."""


def fits(page: Page) -> None:
    """The beat is on the screen, whole."""
    main = page.get_by_test_id("stMain")
    below, beside = main.evaluate("m => [m.scrollHeight - m.clientHeight, m.scrollWidth - m.clientWidth]")
    assert below <= 0, f"{below} px too tall"
    assert beside <= 0, f"{beside} px too wide"
    last = page.locator(".st-key-next").bounding_box()
    assert last
    assert last["y"] + last["height"] <= PROJECTOR["height"]


def guess_by_keyboard(page: Page, lesson) -> str:
    """Make a prediction without a mouse; what the address must then hold."""
    if isinstance(lesson.question, Choices):
        first = page.get_by_role("radio").first
        first.focus()
        keys = list(lesson.question.answers)
        for k in range(len(keys)):  # every choice, one after the other
            page.keyboard.press("Space" if k == 0 else "ArrowDown")
            page.wait_for_url(f"**guess={lesson.number}{keys[k]}*")
        return f"guess={lesson.number}{keys[-1]}"
    points = page.locator(".draw-curve [role=slider]")
    resting_box(points.last)  # another width draws the points anew
    for k in range(len(lesson.question.lags)):
        points.nth(k).focus()
        expect(points.nth(k)).to_be_focused()
        page.keyboard.press("PageDown")
        expect(points.nth(k)).to_have_attribute("aria-valuenow", f"{-4 * lesson.question.step:g}")
    drawn = "_".join(f"{-4 * lesson.question.step:g}" for _ in lesson.question.lags)
    page.wait_for_url(f"**guess={lesson.number}p{drawn}*")
    return f"guess={lesson.number}p{drawn}"


def move_a_control(page: Page, lesson) -> None:
    """A key moves the first slider, and a chart is drawn anew."""
    slider = next(c for c in lesson.bench.controls if isinstance(c, Slider))
    page.wait_for_selector(".live-chart[data-redraws]")
    before = page.locator(".live-chart").evaluate_all("charts => charts.map(c => c.dataset.revision).join()")
    page.locator(f'.live-slider[data-key="lesson-{lesson.number}-{slider.key}"] .range').focus()
    page.keyboard.press("Home" if slider.value > slider.minimum else "End")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.live-chart')].map(c => c.dataset.revision).join() !== before",
        arg=before,
    )


@EACH
def test_a_lesson_from_prediction_to_verdict_on_a_projector_and_then_on_a_phone(app_url, open_page, lesson):
    page = open_page(f"{app_url}/learn?lesson={lesson.number}&projector=1", viewport=PROJECTOR)
    expect(page.get_by_text("Your prediction")).to_be_visible()
    guessed = guess_by_keyboard(page, lesson)
    expect(page.get_by_text("Your prediction is saved. Now test it.")).to_be_visible()
    fits(page)
    if lesson in FIRST_OF_A_KIND:  # the others' first beat differs in its words only
        assert not serious_faults(page)

    page.get_by_role("button", name="Next: do").press("Enter")
    page.wait_for_url("**beat=do*")
    expect(page.get_by_text(lesson.bench.tasks[0])).to_be_visible()
    if isinstance(lesson.bench, Bench):
        move_a_control(page, lesson)
    settle(page)
    fits(page)
    assert not serious_faults(page)

    page.get_by_role("button", name="Next: decide").press("Enter")
    page.wait_for_url("**beat=decide*")
    expect(page.get_by_text("The claim:")).to_be_visible(timeout=20_000)  # measured, while the suite runs beside
    page.wait_for_selector(".live-chart[data-redraws]")
    settle(page)
    expect(page.get_by_role("button", name="Open in Explore")).to_be_visible()
    expect(page.locator(".katex").first).to_be_visible()
    assert "cc0000" not in page.locator(".stMarkdown:has(.katex)").last.inner_html(), "KaTeX does not know a command"
    fits(page)
    assert not serious_faults(page)

    assert guessed in page.url
    if lesson in FIRST_OF_A_KIND:
        page.reload()
        expect(page.get_by_text("The claim:")).to_be_visible()
        assert guessed in page.url
    expect(page.get_by_text("You have made no prediction")).to_have_count(0)

    page.get_by_role("button", name="Leave projector").press("Enter")
    expect(page.get_by_test_id("stHeader")).to_be_visible()
    page.set_viewport_size(PHONE)
    settle(page)
    page.wait_for_function(NARROW, arg=PHONE["width"])
    for beat in ("Do", "Predict"):
        page.get_by_role("button", name=re.compile(rf"^[12] {beat}$")).press("Enter")
        page.wait_for_url("**beat=do*" if beat == "Do" else re.compile(r"lesson=\d+(?!.*beat=d)"))
        settle(page)
        page.wait_for_function(NARROW, arg=PHONE["width"])


def test_a_lesson_leads_into_explore_with_its_own_settings(app_url, open_page):
    page = open_page(f"{app_url}/learn?lesson=8&beat=do&set=bias:3.0")
    assert page.title().startswith("8 · ")
    assert not faults_of_access(page)
    press(page, "Open in Explore")
    page.wait_for_selector('.live-chart[data-key="profile"][data-redraws]', timeout=60_000)
    assert value_of(page, "forget_bias") == 3
    expect(page).to_have_url(re.compile("cells=lstm"))
    settle(page)
    page.go_back()
    page.wait_for_url("**/learn?lesson=8&beat=do*")  # one step leads back, to the controls as they stood
    assert "set=bias:3.0" in unquote(page.url)
    expect(page.get_by_role("button", name="Open in Explore")).to_be_visible(timeout=30_000)


def test_a_point_is_drawn_by_dragging(app_url, open_page):
    lesson = next(lesson for lesson in LESSONS if not isinstance(lesson.question, Choices))
    page = open_page(f"{app_url}/learn?lesson={lesson.number}")
    point = page.locator(".draw-curve [role=slider]").last
    box = resting_box(point)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 60, steps=5)
    page.mouse.up()
    page.wait_for_url(f"**guess={lesson.number}p*")
    assert float(point.get_attribute("aria-valuenow") or 0) < 0


@pytest.mark.parametrize("lesson", DRAWN, ids=[str(lesson.number) for lesson in DRAWN])
def test_points_that_are_drawn_quickly_are_all_kept(app_url, open_page, lesson):
    page = open_page(f"{app_url}/learn?lesson={lesson.number}")
    points = page.locator(".draw-curve [role=slider]")
    resting_box(points.last)
    count = len(lesson.question.lags)
    boxes = [points.nth(k).bounding_box() for k in range(count)]
    drawn = []
    for k, box in enumerate(boxes):  # the answer to one point comes while the next ones are drawn
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + 30 + 15 * k)
        page.mouse.up()
        drawn.append(points.nth(k).get_attribute("aria-valuenow"))
    assert len(set(drawn)) == count
    page.wait_for_url(f"**guess={lesson.number}p{'_'.join(drawn)}*")
    settle(page)
    assert f"guess={lesson.number}p{'_'.join(drawn)}" in page.url
    assert [points.nth(k).get_attribute("aria-valuenow") for k in range(count)] == drawn


def test_a_live_lesson_trains_is_found_again_and_is_cancelled(tmp_path, serve_runs, open_page):
    lesson = next(lesson for lesson in LESSONS if isinstance(lesson.bench, Live))
    runs = tmp_path / "runs"
    page = open_page(f"{serve_runs(runs)}/learn?lesson={lesson.number}&beat=do&projector=1", viewport=PROJECTOR)
    page.get_by_label(lesson.bench.controls[0].label).click()  # the longest of all takes longer than this test
    page.get_by_role("option").last.click()
    press(page, "Train")
    progress = page.get_by_text(re.compile(r"running, step [1-9][\d,]* of")).first
    expect(progress).to_be_visible(timeout=40_000)
    page.wait_for_selector(".live-chart[data-redraws]")
    fits(page)
    assert not serious_faults(page)
    reached = progress.inner_text()
    expect(page.get_by_text(reached)).to_have_count(
        0, timeout=60_000
    )  # it grows by itself, with a commit every 10 s at the latest

    page.reload()
    expect(progress).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text(re.compile(r"cancelled, step [1-9]")).first).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Continue")).to_be_enabled()
    kept = [open_run(progress.parent) for progress in runs.glob("[!.]*/progress.json")]
    assert len(kept) == len(lesson.bench.lanes(lesson.bench.settings[0]))
    assert all(run.progress.step > 0 for run in kept)
    assert "interrupted" in {run.status for run in kept}
    fits(page)


def test_the_path_goes_to_a_lesson_and_the_browser_goes_back(app_url, open_page):
    page = open_page(f"{app_url}/learn")
    assert not serious_faults(page)
    page.get_by_role("button", name=re.compile(rf"^{LESSONS[0].number} · ")).click()
    expect(page.get_by_text(LESSONS[0].claim)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Learn")).to_be_visible()


def test_what_was_done_is_kept_in_the_browser_until_it_is_to_be_forgotten(app_url, open_page):
    lesson = FIRST_OF_A_KIND[0]
    page = open_page(f"{app_url}/learn?lesson={lesson.number}&beat=decide&guess={lesson.number}a")
    expect(page.get_by_text("The claim:")).to_be_visible(timeout=20_000)
    expect(page.locator(f'.kept-progress[data-done*="{lesson.number}-decide"]')).to_be_attached()
    earlier = page
    page = open_page(f"{app_url}/learn")  # a new session
    expect(page.get_by_text("decided").first).to_be_visible()
    press(page, "Forget my progress")
    expect(page.get_by_text("decided")).to_have_count(0)
    expect(page.locator('.kept-progress[data-done=""]')).to_be_attached()
    expect(earlier.get_by_text("You have made no prediction")).to_be_visible()  # its session forgets, too
    press(earlier, "Back")
    expect(earlier.locator(f'.kept-progress[data-done="{lesson.number}-do"]')).to_be_attached()
    page.reload()
    settle(page)
    expect(page.get_by_text(lesson.about)).to_be_visible()
    expect(page.get_by_text("tried")).to_have_count(1)  # what came after is kept
    expect(page.get_by_text("decided")).to_have_count(0)


def test_the_projector_switch_hides_the_chrome_and_brings_it_back(app_url, open_page):
    page = open_page(f"{app_url}/learn?lesson=1")
    header = page.get_by_test_id("stHeader")
    expect(header).to_be_visible()
    press(page, "For class")
    press(page, "Projector")
    expect(header).to_be_hidden()
    page.wait_for_url("**projector=1*")
    press(page, "Leave projector")
    expect(header).to_be_visible()
