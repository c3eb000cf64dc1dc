"""A task class of the user's own: it runs where its name was typed, and its errors are sentences."""

import json

import pytest
import torch
from commanding import WORDS, call, trained
from one_sentence import one_sentence
from sampling import Settings, seeded
from typer.testing import CliRunner

from dashboard.server.quotas import check_runs
from experiments.commands.command_line import app
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.form import forms_of
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.tasks import make_task, own_class

GOOD = """
import math
import torch
from experiments.tasks.classification import Classification

class Parity(Classification):
    input_size, output_size, default_loss_position, asks = 1, 2, "every", "the parity"
    def length(self, seq_len): return seq_len
    def sample(self, batch_size, seq_len, generator, dtype=torch.float32):
        bits = torch.randint(0, 2, (seq_len, batch_size), generator=generator)
        open("was_run", "a").close()
        return bits.unsqueeze(-1).to(dtype), bits.cumsum(0) % 2
    def chance(self, seq_len, position=None): return math.log(2)
    def guess_accuracy(self, seq_len): return 0.5
    def dependency(self, seq_len): return seq_len - 1
"""
WRONG = {
    "raises": ("x = 1\n1 / 0\n", "whose file raised ZeroDivisionError: division by zero in line 2"),
    "syntax": ("def f(:\n", "whose file raised SyntaxError"),
    "exits": ("import sys\nsys.exit(3)\n", "whose file raised SystemExit: 3 in line 2"),
    "other class": ("class Other: pass\n", "and the file has no class Parity that derives from Task"),
    "no task": ("class Parity: pass\n", "and the file has no class Parity that derives from Task"),
    "unfinished": ("from experiments.tasks import Task\nclass Parity(Task): pass\n", "abstract"),
    "raises later": (
        GOOD.replace("        open(", "        raise OSError('a disk')\n        open("),
        "OSError: a disk",
    ),
    "sizes": (GOOD.replace("= 1, 2, ", '= 1, "2", '), "whose input_size and output_size were [1, '2']"),
    "shape": (GOOD.replace("bits.unsqueeze(-1)", "bits"), "they must have the shape [3, 2, 1] and be float32"),
    "type": (GOOD.replace(".to(dtype)", ""), "they must have the shape [3, 2, 1] and be float32"),
    "targets": (GOOD.replace("bits.cumsum(0) % 2", "bits.T"), "gives other targets"),
    "asks": (GOOD.replace('"the parity"', "3"), "whose asks is not text"),
    "position": (GOOD.replace('"every"', '"first"'), "whose default_loss_position is neither"),
}


@pytest.fixture(autouse=True)
def nothing_typed(monkeypatch):
    monkeypatch.setattr(own_class, "typed", set())


@pytest.fixture
def mine(tmp_path, in_own_folder):
    (tmp_path / "mine.py").write_text(GOOD)
    return tmp_path / "mine.py"


def test_a_class_of_ones_own_trains_and_is_probed(mine, runs):
    out = trained("task=mine.py:Parity", "steps=3")
    assert "took all of its 3 steps" in out
    assert "mine.py:Parity" in call("probe", "task=mine.py:Parity", "seq_len=5", "hidden_size=4", "--json")
    (folder,) = runs.iterdir()
    assert "the parity; a guess is right in 0.5" in call("show", folder.name)
    own = make_task(Settings("mine.py:Parity"))
    inputs, targets = own.sample(3, 4, seeded())
    assert own.loss(inputs.new_zeros(4, 3, 2), targets).item() == pytest.approx(0.6931, abs=1e-4)


def test_code_runs_only_where_its_name_was_typed(mine, runs, tmp_path, monkeypatch):
    trained("task=mine.py:Parity", "steps=3")
    (folder,) = runs.iterdir()
    monkeypatch.setattr(own_class, "typed", set())  # as in another process
    (tmp_path / "was_run").unlink()
    assert open_run(folder).form.stack.input_size == 1
    call("show", folder.name)
    call("list")
    for command in ("probe", "resume"):
        with pytest.raises(ConfigError, match="which runs only where you name it yourself"):
            call(command, folder.name)
    (tmp_path / "x.toml").write_text('task = "mine.py:Parity"')
    with pytest.raises(ConfigError, match=r"not in a \.toml file"):
        call("probe", "x.toml")
    with pytest.raises(ConfigError, match=r"which runs only where you name it yourself"):
        make_task(RunConfig(task="mine.py:Parity"))
    with pytest.raises(ConfigError, match="runs at the command line only"):
        check_runs([RunConfig(task="mine.py:Parity")], tmp_path, personal=True)
    with pytest.raises(ConfigError, match="which runs only where you name it"):
        call("run", *WORDS, "task=mine.py:Parity", "--owner", "visitor", "--again")
    assert not (tmp_path / "was_run").exists()


def test_a_class_that_no_resumed_run_has_is_named(in_own_folder):
    trained("steps=2", "--name", "one")
    for words, noted in (
        (("--task", "mine.py:Parity"), True),
        ((), False),
        (("--quiet", "--task", "mine.py:Parity"), False),
    ):
        result = CliRunner().invoke(app, ["resume", "one", *words], catch_exceptions=False)
        assert ("note: --task mine.py:Parity has no effect here" in result.stderr) is noted


def test_a_run_of_ones_own_class_resumes_where_its_name_is_typed(mine, runs, monkeypatch):
    call("run", *WORDS, "task=mine.py:Parity", "steps=6", "--quiet", "--name", "one")
    trained("task=mine.py:Parity", "steps=6", "seed=1", "--name", "two")
    folder = runs / "one"
    progress = json.loads((folder / "progress.json").read_text())
    assert progress["step"] == 6
    monkeypatch.setattr(own_class, "typed", set())
    with pytest.raises(ConfigError, match=r"or --task mine\.py:Parity in `resume`\.$"):
        call("resume", "one", "--quiet")
    assert "6 steps" in call("resume", "one", "--quiet", "--task", "mine.py:Parity")
    forms_of.cache_clear()  # as in another process
    mine.write_text(GOOD.replace("return seq_len\n", "return seq_len + 1\n").replace("(seq_len, b", "(seq_len + 1, b"))
    with pytest.raises(RunError, match="was recorded with another class"):
        call("resume", "one", "--quiet", "--task", "mine.py:Parity")


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_wrong_task_file_is_one_sentence(mine, case):
    content, reason = case
    mine.write_text(content)
    with pytest.raises(ConfigError) as error:
        call("probe", "task=mine.py:Parity")
    assert reason in one_sentence(error)
    assert one_sentence(error).startswith("task was 'mine.py:Parity', ")


def test_symbols_that_raise_are_one_sentence(mine):
    mine.write_text(GOOD + "    def symbols(self, inputs): return [1 / 0]\n")
    own_class.allow(["task=mine.py:Parity"])
    with pytest.raises(ConfigError, match=r"whose file raised ZeroDivisionError: division by zero in line \d+"):
        own_class.load_own_class("mine.py:Parity").symbols(torch.zeros(3, 1))


def test_a_task_file_that_is_not_there_is_one_sentence(in_own_folder):
    for name in ("none.py:Parity", "runs/../none.py:Parity"):
        with pytest.raises(ConfigError, match=r"whose file cannot be read \(no such file or directory\)"):
            call("probe", f"task={name}")
    for name in ("mine.py", "mine.txt:Parity", "mine.py:1", ":Parity"):
        with pytest.raises(ConfigError, match=r"^task was .*; it must be adding, "):
            call("probe", f"task={name}")
