"""The form of a new sweep where another is there already: what it refuses, and that it stays open to be corrected."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.sweeps.new_sweep import CORRECT
from dashboard.sweeps.processes import Processes
from dashboard.train import jobs
from experiments.errors import ConfigError
from experiments.sweeps.folder import SweepFolder, write_plan
from experiments.sweeps.plan import plan_of

PAGE = str(Path(__file__).resolve().parents[2] / "dashboard" / "sweeps" / "page.py")
SWEEP = """
[fixed]
hidden_size = 4
[axes]
gain = [0.5, 1.0]
seq_len = [5, 6]
"""


@pytest.fixture
def at(tmp_path, monkeypatch) -> AppTest:
    """The page with a sweep of which nothing has run."""
    write_plan(SweepFolder(tmp_path, "there"), plan_of(SWEEP, "there"))
    monkeypatch.setattr(jobs, "RUNS", tmp_path)
    return AppTest.from_file(PAGE, default_timeout=60).run()


def press(at: AppTest, label: str) -> None:
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception


def form(at: AppTest):
    return next(box for box in at.expander if box.label == "New sweep")


def test_a_mistake_leaves_the_form_open_and_is_said_in_it(at):
    assert not form(at).proto.expanded
    at.text_input(key="new-sweep-of-largest_singular_value").set_value("abc")
    for button in ("Estimate", "Edit as TOML"):
        press(at, button)
        assert form(at).proto.expanded
        marked, below = (error.value for error in form(at).error)
        assert len(at.error) == 2
        assert marked.startswith("Largest singular value was 'abc'; it must be")
        assert below == CORRECT
    at.text_input(key="new-sweep-of-largest_singular_value").set_value("1").run()
    assert not at.error
    assert form(at).proto.expanded, "what is corrected stays in sight"


def test_all_mistakes_are_marked_at_once_as_they_are_made(at):
    at.text_input(key="new-sweep-of-largest_singular_value").set_value("1, abc")
    at.text_input(key="new-sweep-of-seq_len").set_value("").run()
    marked = sorted(error.value for error in form(at).error)
    assert marked[0].startswith("Largest singular value was 'abc'; it must be")
    assert marked[1] == "Sequence length has no value; it needs at least one, and commas between several."
    assert len(at.error) == 2


def test_a_name_is_refused_by_the_name_of_its_control(at):
    at.text_input(key="new-sweep-new_name").set_value("../../x")
    press(at, "Estimate")
    marked, below = (error.value for error in form(at).error)
    assert marked.startswith("Name of the sweep was '../../x'; it must be letters")
    assert below == CORRECT


def test_a_sweep_that_cannot_go_on_says_so_beside_its_buttons(at, monkeypatch):
    def refuse(*_: object) -> None:
        raise ConfigError("Sweep there is already running.")

    monkeypatch.setattr(Processes, "start", refuse)
    press(at, "Continue")
    assert [error.value for error in at.error] == ["Sweep there is already running."]
    assert not form(at).error
    assert not form(at).proto.expanded
