"""The address is the state: it follows each change; a reload, *Back*, another window and undo bring a state back."""

import re

import pytest
from browsing import press, settle
from exploring import drag, eventually, redraws, type_value, value_of
from playwright.sync_api import Page, expect


def query(page: Page) -> str:
    return page.url.partition("?")[2]


def test_explores_address_follows_each_release_and_reload_back_and_undo_restore_it(explore, open_page):
    page = explore("?cells=elman&hidden_size=8&seq_len=20&batch_size=4")
    entries = page.evaluate("history.length")
    assert drag(page, "largest_singular_value", 1 / 3, 0.6)
    expect(page).to_have_url(re.compile("largest_singular_value=1.8"))
    press(page, "Pin as A")
    expect(page).to_have_url(re.compile("pinned="))
    type_value(page, "input_scale", "3")
    expect(page).to_have_url(re.compile(r"input_scale=3(&|$)"))
    page.get_by_role("radio", name="Gates").click()
    expect(page).to_have_url(re.compile("panel=Gates"))
    assert page.evaluate("history.length") == entries, "the address was replaced"
    changed = page.get_by_text("Changed from the defaults")
    expect(changed).to_be_visible()

    def restored(where: Page) -> bool:
        where.wait_for_selector('.live-chart[data-key="profile"][data-redraws]', timeout=60_000)
        return eventually(where, lambda: value_of(where, "input_scale") == 3.0 and "Gates" in where.url)

    address = page.url
    page.reload()
    assert restored(page)
    expect(page.locator(".live-lab")).to_contain_text("Input scale: 1 → 3")
    other = open_page(address, settled=False)
    assert restored(other)
    assert query(other) == query(page)
    other.close()

    settle(page)
    page.get_by_role("link", name="Train").click()
    expect(page.get_by_role("heading", name="Watch a network learn")).to_be_visible(timeout=30_000)
    expect(page).to_have_title("Train · Gradient Flow Lab")
    page.go_back()
    assert restored(page)
    assert query(page) == address.partition("?")[2]

    type_value(page, "input_scale", "5")
    expect(page).to_have_url(re.compile(r"input_scale=5(&|$)"))
    before = redraws(page)
    page.keyboard.press("Control+z")
    expect(page).to_have_url(re.compile(r"input_scale=3(&|$)"))
    assert eventually(page, lambda: redraws(page) > before)
    page.locator("body").press("Control+Shift+z")
    expect(page).to_have_url(re.compile(r"input_scale=5(&|$)"))
    settle(page)
    page.locator(".st-key-undo button").click()
    expect(page).to_have_url(re.compile(r"input_scale=3(&|$)"))
    settle(page)
    page.locator(".st-key-reset button").click()
    expect(changed).not_to_be_visible()


def test_every_widget_shows_what_undo_redo_reset_and_a_remedy_have_set(explore):
    """Those buttons stand in a part of the page that is drawn alone; the sidebar is another part."""
    page = explore("?panel=Diagnosis&hidden_size=8&seq_len=40&batch_size=4", viewport={"width": 1280, "height": 1600})
    sidebar = page.get_by_test_id("stSidebar")
    box = sidebar.get_by_role("combobox", name="Elman's nonlinearity")
    switch, size = sidebar.get_by_label("Bidirectional"), sidebar.get_by_label("Hidden units")
    initial = sidebar.get_by_role("combobox", name="Initial weights")

    def choose_relu() -> None:
        box.click()
        page.get_by_role("option", name="relu", exact=True).click()
        expect(page).to_have_url(re.compile("nonlinearity=relu"))
        settle(page)

    choose_relu()
    press(page, "Undo")
    expect(box).to_have_value("tanh")
    press(page, "Redo")
    expect(box).to_have_value("relu")
    settle(page)
    switch.set_checked(True, force=True)
    expect(page).to_have_url(re.compile("bidirectional=True"))
    settle(page)
    type_value(page, "input_scale", "3")
    expect(page).to_have_url(re.compile(r"input_scale=3(&|$)"))
    assert "nonlinearity=relu" in page.url, "a later change keeps what was set by code"
    settle(page)
    press(page, "Reset")
    expect(box).to_have_value("tanh")
    expect(switch).not_to_be_checked()
    expect(size).to_have_value("64")
    settle(page)
    page.get_by_role("radio", name="Diagnosis").click()
    page.locator('[class*="st-key-remedy-elman"] button').first.click()
    expect(initial).to_have_value("orthogonal")
    settle(page)
    type_value(page, "seq_len", "50")
    expect(page).to_have_url(re.compile("initialisation=orthogonal"))


@pytest.mark.parametrize("settles", [False, True])
def test_back_leads_to_the_page_as_it_was_whenever_the_next_ones_parameters_settle(app_url, open_page, settles):
    """Streamlit sends a page's parameters before its path, and the page itself may drop some of them in between."""
    page = open_page(f"{app_url}/learn?lesson=8&beat=do&set=bias:3.0")
    settle(page)
    before = page.url
    page.evaluate(
        """(settles) => {
            document.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
            history.pushState({}, "", "/learn?from=defaults&cells=lstm");
            if (settles) history.pushState({}, "", "/learn?cells=lstm");
            history.pushState({}, "", "/?" + (settles ? "" : "from=defaults&") + "cells=lstm");
        }""",
        settles,
    )
    page.go_back()
    page.wait_for_url(before)


def test_no_page_asks_another_server_for_anything(app_url, open_page):
    """Not for the picture of its tab either, which Streamlit would get from elsewhere."""
    page = open_page("about:blank", settled=False)
    asked: list[str] = []
    refused: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: asked.append(request.url))
    page.on("console", lambda message: refused.append(message.text) if "img-src" in message.text else None)
    for path in ("", "learn?lesson=1", "room"):
        page.goto(f"{app_url}/{path}")
        settle(page)
    own = (app_url, "data:", "blob:")
    assert {url for url in asked if not url.startswith(own)} == set()
    assert any("fonts.gstatic.com" in text for text in refused), "Streamlit asks nobody any more: the policy can go"
    assert page.evaluate("document.querySelector('link[rel~=icon]').href").startswith("data:image/svg")
