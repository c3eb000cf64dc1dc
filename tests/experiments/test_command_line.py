"""What may go wrong around any command: one sentence and status 2, and never a traceback."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.__main__ import run
from experiments.commands.command_line import field_help
from experiments.config.allowed import allowed
from experiments.config.run_config import RunConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ended(monkeypatch, capsys):
    """Words → the exit status, and what was said on standard error."""

    def call(*words: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["experiments", *words])
        with pytest.raises(SystemExit) as end:
            run()
        return end.value.code, capsys.readouterr().err

    return call


class FullDisk(io.RawIOBase):
    """Takes nothing."""

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prob"], "no such command 'prob', did you mean 'probe'; `"),
        (["probe", "--bogus"], "no such option: --bogus, did you mean --runs; `"),
        (["list", "--sort"], "option '--sort' requires an argument; `"),
        (["show"], "missing argument 'RUN'; `"),
        (["show", "a", "b", "c"], "the command does not take: b c; `"),
    ],
)
def test_a_command_line_that_is_none_of_ours_is_one_sentence(ended, words, said):
    status, error = ended(*words)
    assert status == 2
    assert error.startswith(f"error: {said}")
    assert error.endswith("--help` shows what there is.\n")
    assert error.count("\n") == 1


def test_the_help_says_every_default_as_it_is_typed_and_what_is_allowed():
    lines = field_help().split("\n\n")
    assert len(lines) == len(RunConfig.model_fields)
    for line in lines:
        word, _, rest = line.partition(": ")
        assert RunConfig.from_words([word]) == RunConfig()
        assert rest.endswith(f"({allowed(RunConfig.model_fields[word.partition('=')[0]])}).")


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["probe", "seq_len=5", "hidden_size=2"]])
def test_output_that_cannot_be_written_is_one_sentence(ended, monkeypatch, tmp_path, words):
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(tmp_path))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(FullDisk())))
    assert ended(*words) == (2, "error: standard output cannot be written (no space left on device).\n")
    monkeypatch.setattr(sys, "stdout", None)
    assert ended(*words) == (2, "error: standard output is closed; it must be open, if only to /dev/null.\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.EMFILE, "Too many open files"),
            "the system could not do what this command needs (too many open files).",
        ),
        (TimeoutError("timed out"), "the system could not do what this command needs (timed out)."),
        (FileNotFoundError(errno.ENOENT, "No such file", "gone"), "'gone' cannot be used (no such file)."),
    ],
)
def test_an_error_of_the_system_is_not_blamed_on_standard_output(ended, monkeypatch, error, said):
    """A worker's or a socket's error has no file's name either."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("experiments.commands.command_line.probe", fail)
    assert ended("probe", "seq_len=5") == (2, f"error: {said}\n")


def test_csv_to_standard_output_is_the_profile_and_nothing_else(ended, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = ("probe", "seq_len=5", "hidden_size=2", "cell=elman,gru")
    assert ended(*words, "--csv", "profile.csv") == (None, "")
    monkeypatch.setattr(sys, "argv", ["experiments", *words, "--csv", "-"])
    with pytest.raises(SystemExit):
        run()
    printed = capsys.readouterr().out
    assert printed == Path("profile.csv").read_text()
    assert len(printed.splitlines()) == 1 + 2 * 5
    assert [path.name for path in tmp_path.iterdir()] == ["profile.csv"], "there is no file called -"
    status, error = ended(*words, "--csv", "-", "--json")
    assert status == 2
    assert error.startswith("error: --csv was '-' and --json was given; only one of them can be printed")


def test_an_encoding_without_our_symbols_shows_question_marks(ended, monkeypatch):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    assert ended("probe", "seq_len=5", "hidden_size=2") == (None, "")
    assert b"?dL/dW? before clipping" in shown.getvalue()


def test_ctrl_c_while_torch_is_imported_leaves_no_traceback():
    code = """
import runpy, sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == "torch":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
runpy.run_module("experiments", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize("words", [("list", "--runs", ""), ("probe", "seq_len=5", "--csv="), ("show", "")])
def test_an_empty_word_is_refused_and_names_no_folder(ended, words):
    status, said = ended(*words)
    assert status == 2
    assert said == "error: one of the words was empty, as an unset variable of the shell leaves it; fill it in.\n"


def test_a_setting_without_effect_is_noted_beside_the_result(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["experiments", "probe", "cell=lstm", "nonlinearity=relu", "seq_len=5", "--json"])
    with pytest.raises(SystemExit) as end:
        run()
    printed = capsys.readouterr()
    assert not end.value.code
    assert printed.err == "note: nonlinearity=relu has no effect here: it needs one of the cells elman, indrnn.\n"
    assert printed.out.startswith("[")
