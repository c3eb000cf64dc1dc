"""Texts are read whole, and what cannot be read is refused in one sentence."""

import os
import pydoc_data.topics
import sys
from pathlib import Path

import pytest

from experiments.config.run_config import ConfigError, RunConfig
from experiments.config.words import LONGEST_PATH, shortened
from experiments.tasks import make_task, text
from experiments.tasks.text import TextFileError, load_text


def test_hello_is_a_word_with_its_letters_in_order():
    assert load_text("hello") == text.Text("hello", "helo")


def test_pydoc_is_the_standard_librarys_topics():
    loaded = load_text("pydoc")
    assert len(loaded.characters) > 300_000
    assert pydoc_data.topics.topics["assert"] in loaded.characters
    assert loaded.vocabulary == "".join(sorted(set(loaded.characters)))


@pytest.mark.parametrize(
    ("content", "characters"),
    [
        (b"banana\r\n", "banana\r\n"),
        ("Zürich ☃ 𝄞".encode(), "Zürich ☃ 𝄞"),
        (b"\xef\xbb\xbfno mark", "no mark"),
        (b"ab", "ab"),
    ],
)
def test_a_file_is_read_whole_and_its_vocabulary_sorted(tmp_path: Path, content: bytes, characters: str):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    assert load_text(str(path)) == text.Text(characters, "".join(sorted(set(characters))))


def test_a_file_named_hello_is_reached_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "hello").write_text("goodbye")
    monkeypatch.chdir(tmp_path)
    assert load_text("./hello").characters == "goodbye"


def refusal(text_file: str) -> str:
    with pytest.raises(TextFileError) as caught:
        load_text(text_file)
    message = str(caught.value)
    assert isinstance(caught.value, ConfigError)
    assert message.startswith(f"text_file was {shortened(text_file, LONGEST_PATH)}, ")
    assert "; it must be hello, pydoc, or the path of a UTF-8 text file of at most" in message
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "which is empty"),
        (b"\xef\xbb\xbf", "which is empty"),
        (b"abc\0def", "which is binary (it has NUL bytes)"),
        (b"abc\xff\xfe", "which is not UTF-8 (at byte 3)"),
        (b"aaaa", "which repeats the one character 'a'; it"),
        (b"\n", "which repeats the one character '\\n'; it"),
    ],
)
def test_content_that_is_no_text_is_refused(tmp_path: Path, content: bytes, reason: str):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    assert reason in refusal(str(path))


@pytest.mark.parametrize(
    ("text_file", "reason"),
    [
        ("no/such/file.txt", "which does not exist"),
        ("nul\0byte", "which does not exist"),
        ("long" * 2000, "which cannot be read (File name too long)"),
    ],
)
def test_a_path_to_nothing_is_refused(text_file: str, reason: str):
    assert reason in refusal(text_file)


def test_a_directory_and_a_pipe_are_refused(tmp_path: Path):
    assert "which is a directory" in refusal(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    assert "which is not a regular file" in refusal(str(tmp_path / "pipe"))


def test_a_huge_file_is_refused_and_the_largest_allowed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(64 * 10**6 + 1)
    assert "which is larger than 64 MB" in refusal(str(path))
    monkeypatch.setattr(text, "LIMIT_MB", 1)
    path.write_bytes(b"ab" * 500_000)
    assert len(load_text(str(path)).characters) == 10**6
    path.write_bytes(b"ab" * 500_000 + b"c")
    assert "which is larger than 1 MB" in refusal(str(path))


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "secret.txt"
    path.write_text("secret")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(text, "open_regular", denied)
    assert "which cannot be read (Permission denied)" in refusal(str(path))


def test_a_python_without_pydoc_data_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    assert "which this Python does not have" in refusal("pydoc")


def test_only_the_task_that_reads_a_text_looks_for_the_file():
    assert make_task(RunConfig(task="adding", text_file="no/such/file.txt")).input_size == 2
    with pytest.raises(ConfigError, match=r"^text_file was 'no/such/file\.txt', which does not exist"):
        make_task(RunConfig(task="next_character", text_file="no/such/file.txt"))
