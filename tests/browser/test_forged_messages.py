"""Messages that no widget would send, as an attacker would: a sentence on the page, no traceback, no file opened."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from forging import Drawn, Visitor

from dashboard.explore.link import read_settings
from dashboard.explore.settings import CONTROLS
from experiments.config.run_config import RunConfig
from experiments.runs.train import Recorder, train
from experiments.sweeps.folder import SweepFolder, write_plan
from experiments.sweeps.plan import plan_of
from experiments.sweeps.probes import ensure_probe

SMALL = "hidden_size=4&seq_len=8&batch_size=2&cells=lstm"
PAGES = [
    ("", f"{SMALL}&task=next_character"),
    ("", f"{SMALL}&panel=Spectrum"),
    ("train", ""),
    ("learn", "lesson=1&beat=predict"),
    ("learn", "lesson=2&beat=predict"),
    ("learn", "lesson=9&beat=do"),
]
FORGED = ["/etc/passwd", "x" * 10_000, ["a", "b"], -5, float("nan"), {"values": [None], "selection": {"rows": ["a"]}}]
BUTTONS = ("preset-", "open-", "beat-", "shape-", "-csv", "-json", "handout-")


def assert_clean(drawn: Drawn) -> None:
    assert not drawn.tracebacks
    assert all("\n" not in said and "Traceback" not in said for said in drawn.sentences)


def forge_all(url: str, page: str, query: str) -> None:
    """All widgets of a page with each forged value at once, by a rerun of a fragment or of the page."""
    for value in FORGED:
        with Visitor(url, page, query) as visitor:
            assert_clean(visitor.rerun())
            keys = [key for key in visitor.ids if not any(part in key for part in BUTTONS)]
            assert len(keys) > 1
            fragment = next((fragment for _, fragment in visitor.ids.values() if fragment), "")
            states = [visitor.state(key, value) for key in keys]
            assert_clean(visitor.rerun(states, fragment))


@pytest.mark.parametrize(("page", "query"), PAGES)
def test_no_forged_value_of_a_widget_brings_a_traceback(app_url, page, query):
    forge_all(app_url, page, query)


SWEEP = """
[fixed]
hidden_size = 3
batch_size = 2
[axes]
largest_singular_value = [0.5, 1.0]
seq_len = [5, 7]
"""


def test_no_forged_value_on_sweeps_on_runs_and_over_a_run_brings_a_traceback(
    tmp_path: Path, serve_runs: Callable[[Path], str]
):
    plan = plan_of(SWEEP, "small")
    write_plan(SweepFolder(tmp_path, "small"), plan)
    for run in plan.runs:
        ensure_probe(plan.config(run), tmp_path)
    config = RunConfig(hidden_size=3, seq_len=5, batch_size=2, steps=4, record_every=1)
    train([Recorder.start(config, tmp_path / config.identity())])
    url = serve_runs(tmp_path)
    forge_all(url, "sweeps", "")
    forge_all(url, "runs", f"run={config.identity()}")
    forge_all(url, "", f"run={config.identity()}&step=2")


def shown_state(drawn: Drawn) -> dict:
    """The settings that the charts of Explore were drawn from."""
    labs = [e.bidi_component for e in drawn.of("bidi_component") if "live_lab" in e.bidi_component.component_name]
    return orjson.loads(labs[0].bytes)["state"]


@pytest.mark.parametrize("whole", [False, True])
def test_a_forged_path_opens_no_file(app_url, tmp_path, whole):
    """The fragment's rerun once drew hidden states from which the file's text could be read."""
    file = tmp_path / "private.txt"
    file.write_text("z" * 50)  # were it opened, the page would complain of its one character
    with Visitor(app_url, "", f"{SMALL}&task=next_character") as visitor:
        visitor.rerun()
        drawn = visitor.rerun(
            [visitor.state("text_file", str(file))], "" if whole else visitor.ids["live-lab-explore"][1]
        )
    assert shown_state(drawn)["text_file"] == "hello"
    assert "profile" in drawn.pictures
    said = " ".join(drawn.sentences)
    assert "one character" not in said
    assert whole or "Text was" in said


OUT_OF_RANGE = [
    ("hidden_size", 10**6), ("batch_size", -1), ("seed", -1.0), ("task", "<script>"), ("dtype", "float128"),
    ("cells", ["transformer"]), ("cells", ["lstm"] * 50), ("panel", ["__class__"]), ("overlays", ["bound"] * 9),
    ("seq_len--live-slider", {"message": {"value": 1e9, "revision": 0}}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), OUT_OF_RANGE, ids=[f"{k}-{n}" for n, (k, _) in enumerate(OUT_OF_RANGE)])
def test_after_a_forged_setting_the_picture_is_drawn_from_allowed_ones(app_url, key, value):
    with Visitor(app_url, "", SMALL) as visitor:
        visitor.rerun()
        drawn = visitor.rerun([visitor.state(key, value)], visitor.ids["live-lab-explore"][1])
    assert_clean(drawn)
    assert "profile" in drawn.pictures
    state = {name: setting for name, setting in shown_state(drawn).items() if name != "pinned"}
    assert read_settings(state) == (state, [])
    if isinstance(value, str):
        assert f"{CONTROLS[key].label} was " in drawn.sentences[0]
    assert state[key.partition("--")[0]] != value
