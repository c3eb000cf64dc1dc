"""No message repeats a word of any length: one function shortens it, wherever it comes from."""

import pytest
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.config.words import LONGEST, shortened, visible

WORD = "w" * 5000
COMMANDS = {
    "word": ["probe", WORD],
    "field": ["probe", f"{WORD}=1"],
    "value": ["probe", f"task={WORD}"],
    "indices": ["run", f"record_units={','.join(['63'] * 2000)},64"],
    "file": ["probe", f"{WORD}.toml"],
    "text": ["probe", "task=next_character", f"text_file={WORD}"],
    "run": ["show", WORD],
    "filter": ["list", f"{WORD}=1"],
    "status": ["list", f"status={WORD}"],
    "sort": ["list", "--sort", WORD],
    "path": ["run", "--path", WORD],
    "against": ["run", "--against", f"'{WORD}"],
    "csv": ["probe", "seq_len=3", "hidden_size=2", "--csv", f"{WORD}/x"],
    "sweep": ["sweep", f"{WORD}.toml"],
    "compare": ["compare", WORD, "--rows", "a", "--columns", "b", "--value", "c"],
    "benchmark": ["benchmark", WORD],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_message_repeats_the_beginning_and_the_end_of_a_long_word(words, in_own_folder):
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, ValueError), result.output
    assert len(str(result.exception)) < 1500
    assert "w" * 250 not in str(result.exception)


def test_a_value_is_repeated_whole_or_without_its_middle():
    assert shortened("a" * 10) == repr("a" * 10)
    assert shortened(7 * 10**6000).startswith("0x")
    assert len(shortened(7 * 10**6000)) == LONGEST + 1
    assert shortened("\x1b[31m") == r"'\x1b[31m'"


def test_what_a_terminal_would_obey_is_made_visible():
    assert visible("a\x1b[31m\x9b\u202eb\n") == "a\\x1b[31m\\x9b\\x202eb\n"
    assert visible("‖dL/dh_t‖ é 漢") == "‖dL/dh_t‖ é 漢"
