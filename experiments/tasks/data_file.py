"""A person's own data: the numbers of a .npy or .csv file, and the labelled texts of a .csv file."""

import csv
import io
import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError

import numpy as np
from jaxtyping import Float
from numpy.lib import format as npy

from experiments.config.words import LONGEST_PATH, shortened
from experiments.errors import ConfigError
from experiments.reading import read_bounded

LIMIT_MB = 64
MOST_NUMBERS = 2**23
MOST_COLUMNS = 64
OF_NUMBERS = f"it must be a .npy or .csv file of numbers, at most {MOST_COLUMNS} in a row and {LIMIT_MB} MB in all"
OF_TEXTS = f"it must be a .csv file with the columns text and label, of at most {LIMIT_MB} MB"


class DataFileError(ConfigError):
    """A file that cannot be used; the message is one sentence that names `data_file`."""

    def __init__(self, data_file: str, reason: str, allowed: str) -> None:
        super().__init__(f"data_file was {shortened(data_file, LONGEST_PATH)}, {reason}; {allowed}.")


def read_numbers(data_file: str) -> tuple[Float[np.ndarray, "time column"], tuple[str, ...]]:
    """The rows of a .npy file, [time] or [time, column], or of a .csv file, and the columns' names.

    The first row of a .csv file may have names. Without names a column's name is its number, from 1.

    Raises:
        DataFileError: the file cannot be read, is too large, or has something other than finite numbers in equal rows.
    """
    try:
        content = read_content(data_file, OF_NUMBERS)
        rows, names = (parse_npy(content), ()) if data_file.endswith(".npy") else parse_csv(content)
        check_numbers(rows)
    except ValueError as error:
        raise error if isinstance(error, DataFileError) else DataFileError(data_file, str(error), OF_NUMBERS) from None
    return rows, names or tuple(str(k + 1) for k in range(rows.shape[1]))


def read_texts(data_file: str) -> list[tuple[str, str]]:
    """The texts of a .csv file and their labels, from its columns `text` and `label`.

    Raises:
        DataFileError: the file cannot be read, is too large, or is not such a file.
    """
    try:
        rows = csv_rows(read_content(data_file, OF_TEXTS))
        header = next(rows, (0, []))[1]
        if sorted(name for name in header if name in ("text", "label")) != ["label", "text"]:
            raise ValueError("whose first row does not name a column text and a column label")
        text, label = header.index("text"), header.index("label")
        found = []
        for number, row in rows:
            if len(row) != len(header):
                raise ValueError(f"whose row {number} has {len(row)} values, and its first row {len(header)}")
            found.append((row[text], row[label].strip()))
    except ValueError as error:
        raise error if isinstance(error, DataFileError) else DataFileError(data_file, str(error), OF_TEXTS) from None
    return found


def read_content(data_file: str, allowed: str) -> bytes:
    """The bytes of a regular file that is not too large.

    Raises:
        DataFileError: another ending, no such file, or a larger one.
    """
    if not data_file.endswith((".npy", ".csv") if allowed == OF_NUMBERS else ".csv"):
        raise DataFileError(data_file, "whose name ends otherwise", allowed)
    try:
        return read_bounded(Path(data_file), LIMIT_MB * 10**6)
    except OSError as error:
        raise DataFileError(data_file, f"which cannot be read ({(error.strerror or '').lower()})", allowed) from None


def parse_npy(content: bytes) -> Float[np.ndarray, "time column"]:
    """The array of a .npy file. Its header is compared with the file's size before anything is allocated.

    Raises:
        ValueError: not such a file, or not of real numbers; the message says so after "data_file was …,".
    """
    file = io.BytesIO(content)
    try:
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(file)]
        written, by_column, dtype = read_header(file)
        shape = [*map(int, written)]  # numpy takes True for a number
    except (ValueError, KeyError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError):
        raise ValueError("which is not a .npy file as numpy.save writes it") from None
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise ValueError(f"which has values of the type {shortened(str(dtype))} and no numbers")
    if len(shape) not in (1, 2) or 0 in shape:
        raise ValueError(f"which has the shape {shortened(shape)} and not [time] or [time, column]")
    count = math.prod(shape)
    if count * dtype.itemsize != len(content) - file.tell():
        raise ValueError("which has more or fewer numbers than its header says")
    check_size(count, shape[1] if len(shape) == 2 else 1)
    numbers = np.frombuffer(content, dtype, count, file.tell())
    return numbers.reshape(shape, order="F" if by_column else "C").reshape(shape[0], -1).astype(np.float64)


def parse_csv(content: bytes) -> tuple[Float[np.ndarray, "time column"], tuple[str, ...]]:
    """The numbers of a .csv file, and its columns' names where its first row is not of numbers.

    Raises:
        ValueError: something else than numbers in equal rows; the message says so after "data_file was …,".
    """
    numbers, names, columns = array("d"), tuple[str, ...](), 0
    for number, row in csv_rows(content):
        if number == 1 and not all(is_number(cell) for cell in row):
            names, columns = tuple(cell.strip() for cell in row), len(row)
            continue
        columns = columns or len(row)
        if len(row) != columns:
            raise ValueError(f"whose row {number} has {len(row)} values, and its first row {columns}")
        wrong = next((cell for cell in row if not is_number(cell)), None)
        if wrong is not None:
            raise ValueError(f"whose row {number} has {shortened(wrong)}, which is not a number")
        numbers.extend(map(float, row))
        check_size(len(numbers), columns)
    if not numbers:
        raise ValueError("which has no rows of numbers")
    return np.array(numbers).reshape(-1, columns), names


def csv_rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their numbers from 1.

    Raises:
        ValueError: no text, or no CSV; the message says so after "data_file was …,".
    """
    if b"\0" in content:
        raise ValueError("which is binary (it has NUL bytes)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"which is not UTF-8 (at byte {error.start})") from None
    number = 0
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            if row:
                number += 1
                yield number, row
    except csv.Error as error:
        raise ValueError(f"whose row {number + 1} is not CSV ({error})") from None


def is_number(cell: str) -> bool:
    """Whether a cell has a number, NaN and Inf among them."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def check_size(count: int, columns: int) -> None:
    """Raise ValueError if there are too many numbers or columns."""
    if columns > MOST_COLUMNS:
        raise ValueError(f"which has {columns} columns")
    if count > MOST_NUMBERS:
        raise ValueError(f"which has more than {MOST_NUMBERS:,} numbers")


def check_numbers(rows: Float[np.ndarray, "time column"]) -> None:
    """Raise ValueError unless there are two rows or more, and all numbers finite and not too large for their spread."""
    if len(rows) < 2:
        raise ValueError("which has only one row")
    strange = np.argwhere(~(np.abs(rows) < 1e150))
    if len(strange):
        row, column = strange[0]
        raise ValueError(f"which has {rows[row, column]} in row {row + 1} of its numbers, column {column + 1}")
