"""docs/lectures.md: each of its commands runs, here with few steps and small sizes."""

import re
import shlex
from pathlib import Path

import pytest
from commanding import call

from experiments.tasks import TASKS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "lectures.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    python -m experiments (.+)$", TEXT, re.MULTILINE)
SAVED = re.findall(r"Save this as\s`([\w.]+)`:\n\n```\w+\n(.*?)```", TEXT, re.DOTALL)
FEW = ["steps=2", "record_every=1", "batch_size=3", "evaluate_every=none", "evaluate_size=10"]

pytestmark = pytest.mark.usefixtures("in_own_folder")


def test_every_task_has_a_command():
    assert {word for command in COMMANDS for word in re.findall(r"task=(\w+)(?=\s)", command)} == {*TASKS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command, runs, tmp_path):
    for name, content in SAVED:
        (tmp_path / name).write_text(content, encoding="utf-8")
    verb, *words = shlex.split(command)
    if verb == "run":
        cells = next(word for word in words if word.startswith("cell=")).count(",") + 1
        lanes = cells + words.count("--against")
        out = call(verb, *words, *FEW, "--quiet")
        assert out.count("took all of its 2 steps") == lanes == len([*runs.iterdir()])
    else:
        assert "profile" in call(verb, *words, "seq_len=8", "hidden_size=6", "batch_size=3")
