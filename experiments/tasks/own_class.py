"""A task class of your own, `task=my_tasks.py:Parity`: code that runs only where its name was typed as a command."""

import re
import traceback
from collections.abc import Callable, Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch

from experiments.config.words import LONGEST_PATH, bare, cut, parse_value, shortened, visible
from experiments.errors import ConfigError
from experiments.reading import read_bounded
from experiments.tasks.task import Task

OWN_CLASS = re.compile(r"([^:\0]{1,180}\.py):([A-Za-z_]\w{0,60})")
LARGEST_FILE = 2**20
GUARDED = (
    "length", "source", "next_word", "sample", "losses", "correct", "chance", "guess_accuracy", "dependency", "asked",
    "symbols", "matters", "answer_word", "picture",
)  # fmt: skip
"""Methods whose errors are told in one sentence."""
typed: set[str] = set()
"""The names that were typed as a command in this process: the code of no other file is run."""


def allow(words: Iterable[str]) -> None:
    """Let this process run the task files that a command names in its `task=` words; a TOML file names none."""
    for word in words:
        key, _, text = word.partition("=")
        if key.strip() == "task" and OWN_CLASS.fullmatch(task := bare(parse_value(text.strip()))):
            typed.add(task)


def load_own_class(task: str) -> Task:
    """The task of a class in a file of the user's.

    A run folder or a page may come from a stranger, so only a name that was typed as a command is loaded.

    Raises:
        ConfigError: the name was not typed; the file cannot be read; it, or the class, raises an error or is no task.
    """
    given = f"task was {shortened(task, LONGEST_PATH)}"
    match = OWN_CLASS.fullmatch(task)
    assert match is not None
    if task not in typed:
        raise ConfigError(
            f"{given}, a file of code, which runs only where you name it yourself: type task={task} in `run` or "
            f"`probe` (not in a .toml file), or --task {task} in `resume`."
        )
    path, name = Path(match[1]), match[2]
    try:
        code = read_bounded(path, LARGEST_FILE)
    except OSError as error:
        raise ConfigError(
            f"{given}, whose file cannot be read ({(error.strerror or '').lower()}); it must be PATH.py:CLASS."
        ) from None
    module = made(given, path, lambda: execute(path, code))
    kind = getattr(module, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise ConfigError(
            f"{given}, and the file has no class {name} that derives from Task; write one, as "
            "`from experiments.tasks import Task` and CONTRIBUTING.md say."
        )
    own = made(given, path, kind)
    own.name = task
    for method in GUARDED:
        setattr(own, method, guarded(given, path, getattr(own, method)))
    check_shapes(given, own)
    return own


def execute(path: Path, code: bytes) -> Any:
    """The module of a file; it is in no list of modules, so that its name may be anything."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    module = module_from_spec(spec)
    exec(compile(code, str(path), "exec"), module.__dict__)
    return module


def made(given: str, path: Path, make: Callable[[], Any]) -> Any:
    """What a part of the file makes.

    Raises:
        ConfigError: it raises an error; the sentence has the error and its line in the file.
    """
    try:
        return make()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, too
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        where = "" if line is None else f" in line {line}"
        said = cut(visible(" ".join(f"{type(error).__name__}: {error}".split())), 200).rstrip(".: ")
        raise ConfigError(f"{given}, whose file raised {said}{where}; correct the file.") from None


def guarded(given: str, path: Path, method: Callable[..., Any]) -> Callable[..., Any]:
    """A method whose errors are sentences."""
    return lambda *arguments, **named: made(given, path, lambda: method(*arguments, **named))


def check_shapes(given: str, task: Task) -> None:
    """Raise ConfigError unless a small sample and its losses have the shapes that `Task` asks for.

    Raises:
        ConfigError: the first thing that has not.
    """

    def refuse(what: str) -> ConfigError:
        return ConfigError(f"{given}, whose {what}.")

    sizes = [getattr(task, name, None) for name in ("input_size", "output_size")]
    if not all(type(size) is int and 1 <= size <= 2**20 for size in sizes):
        raise refuse(f"input_size and output_size were {shortened(sizes)}; they must be whole numbers from 1 on")
    if getattr(task, "default_loss_position", None) not in ("last", "every"):
        raise refuse("default_loss_position is neither 'last' nor 'every'; it must be one of them")
    if not isinstance(getattr(task, "asks", None), str):
        raise refuse("asks is not text; it must say what the accuracy counts")
    T, B = task.length(3), 2
    sample = task.sample(B, 3, torch.Generator())
    inputs, targets = sample if isinstance(sample, tuple) and len(sample) == 2 else (None, None)
    wanted = (T, B, task.input_size)
    if not isinstance(inputs, torch.Tensor) or tuple(inputs.shape) != wanted or inputs.dtype != torch.float32:
        raise refuse(f"sample(2, 3, …) gives other inputs; they must have the shape {list(wanted)} and be float32")
    shapes = {(B,), *((t, B) for t in range(1, T + 1)), *((t, task.output_size, B) for t in range(1, T + 1))}
    if not isinstance(targets, torch.Tensor) or tuple(targets.shape) not in shapes:
        raise refuse("sample(2, 3, …) gives other targets; they must have the shape [batch] or [time, batch]")
    losses = task.losses(torch.zeros(len(targets) if targets.ndim > 1 else T, B, task.output_size), targets)
    if not isinstance(losses, torch.Tensor) or losses.ndim != 2 or losses.shape[1] != B:
        raise refuse("losses(outputs, targets) gives something else; it must have the shape [time, batch]")
