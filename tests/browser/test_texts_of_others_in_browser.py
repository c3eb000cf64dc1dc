"""A link's values are text in a browser, too: none becomes a picture from elsewhere or an address to go to."""

from urllib.parse import urlencode

from playwright.sync_api import expect

PICTURE = "![x](http://127.0.0.1:9/x.png)"


def test_no_picture_of_a_link_is_loaded_and_its_text_is_shown(app_url, open_page):
    page = open_page("about:blank", settled=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{app_url}/?{urlencode({'hidden_size': PICTURE})}")
    alert = page.get_by_role("alert").filter(has_text="Some settings are not allowed")
    expect(alert).to_contain_text(PICTURE.replace("//", "\u2060//"), timeout=60_000)
    assert not [url for url in asked if ":9/" in url]
    assert alert.locator("img, a").count() == 0
