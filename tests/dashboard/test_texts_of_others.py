"""What others write is text on a page: no Markdown, no picture from elsewhere, no word of any length."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.as_text import as_text
from dashboard.train import jobs
from experiments.config.run_config import RunConfig
from experiments.runs.train import Recorder, train

PAGES = Path(__file__).resolve().parents[2] / "dashboard"
PICTURE = "![x](http://127.0.0.1:9/x.png)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (PICTURE, r"!\[x\](http\:|//127.0.0.1\:9/x.png)"),
        ("**b** _i_ `c` ~s~ $m$ <img src=x>", r"\*\*b\*\* \_i\_ \`c\` \~s\~ \$m\$ \<img src=x\>"),
        (":red[x] www.example.org &lt;", r"\:red\[x\] www|.example.org \&lt;"),
        ("# one\n\n    two\n- three", r"\# one two - three"),
        ("1. x", r"1\. x"),
        (r"\[", r"\\\["),
        ("\x1b[31m", r"\\x1b\[31m"),
        ("seq_len was 0; it must be a whole number from 1 to 100000.",) * 2,
    ],
)
def test_a_text_is_markdown_that_shows_it(text, shown):
    assert as_text(text) == shown.replace("|", "\u2060")


@pytest.mark.parametrize(
    ("view", "link"),
    [
        ("explore", {"hidden_size": PICTURE}),
        ("explore", {PICTURE: "1"}),
        ("learn", {"lesson": PICTURE}),
        ("runs", {"run": PICTURE}),
        ("train", {"runs": PICTURE}),
        ("sweeps", {"sweep": PICTURE}),
        ("runs", {"run": "a" * 300}),
        ("train", {"runs": "a" * 300}),
        ("sweeps", {"sweep": "a" * 300}),
        ("runs", {"run": "../../etc,\x00,."}),
        ("train", {"runs": "../../etc,\x00,."}),
    ],
)
def test_a_link_is_text_on_every_page(view, link, runs, monkeypatch):
    monkeypatch.setattr(jobs, "RUNS", runs)
    (runs / "sweeps" / "small").mkdir(parents=True)
    (runs / "sweeps" / "small" / "plan.json").write_text("{")
    at = AppTest.from_file(str(PAGES / view / "page.py"), default_timeout=60)
    for name, text in link.items():
        at.query_params[name] = text
    at.run()
    assert not at.exception
    for element in (*at.error, *at.warning, *at.info, *at.markdown, *at.caption):
        assert "![x]" not in element.value
        assert not re.search("a{100}", element.value)


def test_a_run_with_a_further_number_in_its_name_is_watched(runs, monkeypatch):
    monkeypatch.setattr(jobs, "RUNS", runs)
    config = RunConfig(cell="gru", seq_len=6, hidden_size=3, batch_size=2, steps=4, record_every=1)
    train([Recorder.start(config, runs / "0123456789ab-2")])
    at = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=60)
    at.query_params["runs"] = "0123456789ab-2"
    at.run()
    assert not at.exception
    assert not at.info
