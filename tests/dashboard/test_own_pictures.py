"""Every page, and nothing else, says that its pictures come from this server."""

from starlette.responses import HTMLResponse, JSONResponse
from test_early_scripts import answer

from dashboard.server.own_pictures import POLICY, OwnPictures


def test_a_page_has_the_policy_and_another_answer_none():
    name = "content-security-policy"
    page = HTMLResponse("<html></html>", headers={"x-own": "1"})
    status, headers, body = answer(OwnPictures(page))
    assert (status, headers[name], headers["x-own"], body) == (200, POLICY, "1", b"<html></html>")
    assert answer(OwnPictures(HTMLResponse("", 404)))[1][name] == POLICY
    assert name not in answer(OwnPictures(JSONResponse({})))[1]
