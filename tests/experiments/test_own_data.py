"""A person's own data: read as it stands, bounded, and refused in one sentence."""

import io
import math
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from commanding import call, trained
from one_sentence import one_sentence
from sampling import Settings, seeded, symbols_of

from dashboard.server.quotas import check_runs
from dashboard.server.serving import FILES_VARIABLE
from experiments.config import limits
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.opening import open_run
from experiments.tasks import make_task
from experiments.tasks.data_file import DataFileError
from experiments.tasks.labelled_texts import LabelledTexts
from experiments.tasks.series import Series, make_waves

PRICES = "day,price,sold\n1,10,3.5\n2,11,-2\n3,13,1e1\n4,20,0\n"
TEXTS = 'text,label,by\n"A good, good film",good,me\nNot good.,bad,you\n\n"Isn\'t it fine?",good,me\n'


def written(folder: Path, name: str, content: bytes | str) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def saved(folder: Path, values: object, name: str = "x.npy") -> str:
    np.save(folder / name, values)
    return str(folder / name)


def test_a_series_gives_its_first_columns_next_value(tmp_path):
    task = make_task(Settings("series", data_file=written(tmp_path, "prices.csv", PRICES)))
    table = np.array([[1, 10, 3.5], [2, 11, -2], [3, 13, 10], [4, 20, 0]])
    standard = (table - table.mean(0)) / table.std(0)
    inputs, targets = task.sample(50, 6, seeded(), torch.float64)
    assert task.columns == ("day", "price", "sold")
    for b in range(50):
        (start,) = np.flatnonzero((standard == inputs[0, b].numpy()).all(1))
        places = [(start + t) % 4 for t in range(7)]
        assert np.array_equal(inputs[:, b], standard[places[:-1]])
        assert np.array_equal(targets[:, b], standard[places[1:], 0])


@pytest.mark.parametrize("column", ["sold", "3"])
def test_a_column_is_told_from_the_others(tmp_path, column):
    task = Series(written(tmp_path, "prices.csv", PRICES), column)
    inputs, targets = task.sample(30, 3, seeded(), torch.float64)
    rows = Series(written(tmp_path, "prices.csv", PRICES)).sample(30, 3, seeded(), torch.float64)[0]
    assert torch.equal(inputs, rows[..., :2])
    assert torch.equal(targets, rows[..., 2])


def test_a_npy_file_of_any_number_type_is_read(tmp_path):
    values = np.arange(24).reshape(8, 3) ** 2
    for dtype in ("float32", "int16", ">f8", "uint8"):
        for order in ("C", "F"):
            path = saved(tmp_path, np.array(values % 200, dtype, order=order))
            task, wanted = Series(path), (values % 200).astype(float)
            inputs, _ = task.sample(40, 1, seeded(), torch.float64)
            rows = np.unique(inputs[0].numpy(), axis=0)
            assert np.allclose(rows, np.unique((wanted - wanted.mean(0)) / wanted.std(0), axis=0))
    assert Series(saved(tmp_path, np.arange(5.0))).input_size == 1


def test_a_guess_of_a_series_scores_one_and_its_best_window(tmp_path):
    values = np.random.default_rng(0).exponential(size=300)
    task = Series(saved(tmp_path, values))
    _, targets = task.sample(20_000, 2, seeded(), torch.float64)
    assert task.loss(torch.zeros(2, 20_000, 1), targets).item() == pytest.approx(task.chance(2), abs=0.05)
    standard = (values - values.mean()) / values.std()
    best = max((np.abs(standard - guess) < 0.2).mean() for guess in np.arange(-1, 3, 0.002))
    assert task.guess_accuracy(2) == pytest.approx(best, abs=0.01)


def test_without_a_file_a_series_is_two_waves():
    waves = make_waves()[:, 0]
    assert np.allclose(waves[200:], waves[:-200])
    assert waves.std() == pytest.approx(1)


def test_labelled_texts_are_words_and_their_labels(tmp_path):
    task = make_task(Settings("sentiment", data_file=written(tmp_path, "mine.csv", TEXTS)))
    assert isinstance(task, LabelledTexts)
    inputs, targets = task.sample(200, 6, seeded())
    said = {
        (" ".join(task.words[s] for s in symbols), task.labels[target])
        for symbols, target in zip(symbols_of(inputs), targets.tolist(), strict=True)
    }
    assert said == {("_ _ a good good film", "good"), ("_ _ _ _ not good", "bad"), ("_ _ _ isn't it fine", "good")}
    assert task.chance(6) == pytest.approx(-2 / 3 * math.log(2 / 3) - 1 / 3 * math.log(1 / 3))
    assert task.guess_accuracy(6) == pytest.approx(2 / 3)
    last, _ = task.sample(50, 2, seeded())
    assert {task.words[s] for symbols in symbols_of(last) for s in symbols} == {"good", "film", "not", "it", "fine"}


def test_rare_words_are_one(tmp_path):
    words = [f"w{k}" for k in range(1200)]
    rows = "".join(f"{word} w0 {words[k % 900]},{k % 2}\n" for k, word in enumerate(words))
    task = LabelledTexts(written(tmp_path, "many.csv", f"text,label\n{rows}"))
    assert task.input_size == 1002
    inputs, _ = task.sample(500, 3, seeded())
    assert any(1 in symbols for symbols in symbols_of(inputs))


def npy_header(text: str) -> bytes:
    head = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head


PICKLED = io.BytesIO()
np.save(PICKLED, np.array([{"a": 1}], dtype=object), allow_pickle=True)
HOSTILE = {
    "ragged": ("x.csv", "1,2\n3\n", "whose row 2 has 1 values, and its first row 2"),
    "words": ("x.csv", "a,b\n1,2\n3,c\n", "whose row 3 has 'c', which is not a number"),
    "nan": ("x.csv", "a\n1\nnan\n", "which has nan in row 2 of its numbers, column 1"),
    "inf": ("x.csv", "1\n1e400\n", "which has inf in row 2"),
    "binary": ("x.csv", b"1,2\0\n", "which is binary"),
    "latin": ("x.csv", b"a\n\xff\n", "which is not UTF-8 (at byte 2)"),
    "empty": ("x.csv", "", "which has no rows of numbers"),
    "one row": ("x.csv", "1\n", "which has only one row"),
    "wide": ("x.csv", ",".join("1" * 65), "which has 65 columns"),
    "long cell": (
        "x.csv",
        '"' + "1" * 200_000 + '"',
        "whose row 1 is not CSV (field larger than field limit (131072))",
    ),
    "ending": ("x.txt", "1\n2\n", "whose name ends otherwise"),
    "pickled": ("x.npy", PICKLED.getvalue(), "which has values of the type 'object' and no numbers"),
    "no npy": ("x.npy", b"PK\x03\x04 and so on", "which is not a .npy file"),
    "header": ("x.npy", npy_header("{'descr': __import__('os')}"), "which is not a .npy file"),
    "torn header": ("x.npy", npy_header("{'descr': '<f8', 'shape': (4, 2x, }"), "which is not a .npy file"),
    "claims": (
        "x.npy",
        npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 2), }"),
        "which has more or fewer numbers than its header says",
    ),
}


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_of_numbers_is_refused_in_one_sentence(tmp_path, case):
    name, content, reason = case
    path = written(tmp_path, name, content)
    tracemalloc.start()
    with pytest.raises(DataFileError) as error:
        Series(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7
    assert reason in one_sentence(error)
    assert one_sentence(error).startswith(f"data_file was '{path}', wh")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([1.0, np.nan]), "nan in row 2"),
        (np.array([[1, 2], [3, -np.inf]]), "-inf in row 2 of its numbers, column 2"),
        (np.array([1e200, 1]), "1e+200 in row 1"),
        (np.zeros((2, 2, 2)), "the shape [2, 2, 2]"),
        (np.zeros(3, complex), "complex128"),
        (np.array(["a", "b"]), "<U1"),
        (np.zeros((0, 3)), "the shape [0, 3]"),
    ],
)
def test_an_array_of_something_else_is_refused(tmp_path, values, reason):
    with pytest.raises(ConfigError) as error:
        Series(saved(tmp_path, values))
    assert reason in one_sentence(error)


def test_a_huge_file_a_folder_and_a_pipe_are_refused(tmp_path):
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(64 * 10**6 + 1)
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.npy").mkdir()
    for name, reason in (
        ("huge.csv", "larger than 64000000 bytes"),
        ("pipe.csv", "not a regular file"),
        ("folder.npy", "is a directory"),
        ("none.npy", "no such file or directory"),
    ):
        with pytest.raises(DataFileError) as error:
            Series(str(tmp_path / name))
        assert reason in one_sentence(error)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("good film,good\n", "whose first row does not name a column text and a column label"),
        ("text,label\na,b,c\n", "whose row 2 has 3 values, and its first row 2"),
        ("text,label\na,b\n", "whose texts have 1 different labels"),
        ("text,label\n" + "".join(f"a,{k}\n" for k in range(101)), "whose texts have 101 different labels"),
        ("", "whose first row does not name"),
        (b"text,label\n\0", "which is binary"),
    ],
)
def test_a_hostile_file_of_texts_is_refused_in_one_sentence(tmp_path, content, reason):
    with pytest.raises(DataFileError) as error:
        LabelledTexts(written(tmp_path, "x.csv", content))
    assert reason in one_sentence(error)


@pytest.mark.parametrize(
    ("column", "reason"),
    [("cost", "it must be one of day, price, sold"), ("4", "or a number from 1 to 3"), ("0", "it must be one of")],
)
def test_an_unknown_column_is_one_sentence(tmp_path, column, reason):
    with pytest.raises(ConfigError) as error:
        Series(written(tmp_path, "prices.csv", PRICES), column)
    assert reason in one_sentence(error).replace("'", "")


def test_a_column_that_never_changes_has_nothing_to_tell(tmp_path):
    path = written(tmp_path, "x.csv", "a,b\n1,2\n1,3\n")
    with pytest.raises(ConfigError, match=r"its column a never changes\.$"):
        Series(path)
    assert Series(path, "b").input_size == 1


@pytest.mark.parametrize("words", [["task=adding", "data_file=x.csv"], ["task=latch", "data_column=a"]])
def test_a_task_that_reads_no_file_refuses_one(words, in_own_folder):
    with pytest.raises(ConfigError, match=r"^data_(file|column) was .* it works only with task=series"):
        call("probe", *words)


def test_a_page_opens_no_data_file_of_the_servers(tmp_path, monkeypatch):
    config = RunConfig(task="series", data_file="/etc/passwd.csv", steps=3)
    monkeypatch.delenv(FILES_VARIABLE, raising=False)
    with pytest.raises(ConfigError, match="does not open data files"):
        check_runs([config], tmp_path, personal=False)


def test_the_limits_count_the_real_inputs(tmp_path):
    wide = saved(tmp_path, np.random.default_rng(0).normal(size=(9, 64)))
    one, many = (limits.memory_estimate(RunConfig(task="series", data_file=d, hidden_size=1)) for d in (None, wide))
    assert many > one + 100 * 16 * 63 * 4 * 2
    video, ball = (limits.memory_estimate(RunConfig(task=task, hidden_size=1)) for task in ("video", "ball"))
    assert video > ball + 100 * 16 * 250 * 4 * 2


def test_a_run_on_own_data_can_be_shown_where_its_file_is_not(tmp_path, runs, in_own_folder):
    path = written(tmp_path, "prices.csv", PRICES)
    trained("task=series", f"data_file={path}", "data_column=sold", "steps=2")
    Path(path).unlink()
    (folder,) = runs.iterdir()
    assert open_run(folder).form.stack.input_size == 2
    assert "every value in the loss" in call("show", folder.name)
    with pytest.raises(ConfigError, match=r"^data_file was .* which cannot be read \(no such file or directory\)"):
        call("probe", folder.name)
