"""A visitor is a random mark in a cookie that no script reads; they steer what they started."""

import pytest
from coroutines import run_coroutine
from starlette.responses import PlainTextResponse
from streamlit.testing.v1 import AppTest
from test_damaged_runs import PAGES

from dashboard.components.refusal import for_page
from dashboard.server.serving import SHARED_VARIABLE
from dashboard.server.visitor import COOKIE, TOKEN, MarkVisitors
from dashboard.train.job_queue import Job
from experiments.config.run_config import RunConfig
from experiments.runs.control import Control, read_control, write_control
from experiments.runs.train import Recorder, train

PAGE = "text/html,application/xhtml+xml"


def cookie_for(**headers: str) -> str | None:
    """The cookie that a browser with these headers is given."""
    sent = []

    async def send(message):
        sent.append(message)

    app = MarkVisitors(PlainTextResponse("a page"))
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    run_coroutine(app({"type": "http", "method": "GET", "path": "/", "headers": raw}, None, send))
    return dict(sent[0]["headers"]).get(b"set-cookie", b"").decode() or None


def test_a_browser_is_marked_once_and_scripts_cannot_read_it():
    cookie = cookie_for(accept=PAGE)
    mark, *rules = cookie.split("; ")
    name, _, token = mark.partition("=")
    assert name == COOKIE
    assert TOKEN.fullmatch(token)
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(rules)
    assert cookie_for(accept=PAGE, cookie=mark) is None


def test_a_mark_that_we_never_made_is_replaced():
    assert cookie_for(accept=PAGE, cookie=f"{COOKIE}=me") is not None


def test_what_is_no_page_is_not_marked():
    assert cookie_for(accept="*/*") is None


@pytest.mark.parametrize("owner", [None, "somebody"])
@pytest.mark.parametrize("shared", ["1", "0"])
def test_a_terminals_run_is_steered_only_where_the_server_is_ones_own(runs, monkeypatch, owner, shared):
    monkeypatch.setenv(SHARED_VARIABLE, shared)
    config = RunConfig(cell="gru", seq_len=6, hidden_size=3, batch_size=2, steps=40, record_every=1)
    folder = runs / config.identity()
    recorder = Recorder.start(config, folder, owner=owner)
    try:
        recorder.turn()
        recorder.commit()
        at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60)
        at.query_params["runs"] = folder.name
        at.run()
        assert not at.exception
        stop = [button for button in at.button if button.label == "Stop"]
        if shared == "1":
            assert not stop
            assert any("Somebody else started this run" in caption.value for caption in at.caption)
            assert not [field for field in at.number_input if "now" in field.label]
        else:
            stop[0].click().run()
        assert read_control(folder).stop is (shared == "0")
    finally:
        recorder.close()


def test_a_paused_run_is_resumed_though_its_process_is_at_work(pool, runs, monkeypatch):
    monkeypatch.setattr("dashboard.train.jobs.jobs", lambda: pool)
    config = RunConfig(cell="gru", seq_len=6, hidden_size=3, batch_size=2, steps=40, record_every=1)
    folder = runs / config.identity()
    pool.ask(Job((folder.name,), "somebody", ["run"]))
    recorder = Recorder.start(config, folder, paused=True)
    try:
        recorder.turn()
        at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60)
        at.query_params["runs"] = folder.name
        at.run()
        (button,) = [button for button in at.button if button.label == "Resume"]
        assert not button.disabled
        button.click().run()
        assert not read_control(folder).pause
    finally:
        recorder.close()


def test_steering_refuses_also_where_a_button_is_forged(runs, monkeypatch):
    from dashboard.train import steering
    from experiments.runs.opening import open_run

    monkeypatch.setenv(SHARED_VARIABLE, "1")
    config = RunConfig(cell="gru", seq_len=6, hidden_size=3, batch_size=2, steps=2, record_every=1)
    folder = runs / config.identity()
    train([Recorder.start(config, folder, owner="somebody")])
    run, before = open_run(folder), Control(0.1, None, pause=True)
    write_control(folder, before)
    for change in (steering.pause, steering.take_one_step, steering.resume):
        change([run])
    steering.steer([run], stop=True, learning_rate=1.0)
    assert read_control(folder) == before


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("'scalars.jsonl' in '/srv/runs/a1' has 2 of 9 bytes.", "'scalars.jsonl' in 'a1' has 2 of 9 bytes."),
        (
            "run a1 already exists (failed); `python -m experiments show a1 --runs /srv/runs` shows it. Add --again.",
            "run a1 already exists (failed).",
        ),
        ("gain was 0; it must be above 0.", "gain was 0; it must be above 0."),
    ],
)
def test_a_sentence_on_a_page_names_no_folder_and_no_command(message, shown):
    assert for_page(message) == shown
