"""Run folders as a stranger would make them: one real run, changed in one place, from a seed."""

import contextlib
import json
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.store.progress import check

FILES = (
    "config.json", "progress.json", "control.json", "lease.json", "scalars.jsonl", "events.jsonl", "checkpoint",
    "tensors.zarr/zarr.json", "tensors.zarr/hidden/zarr.json", "tensors.zarr/step/zarr.json",
    "tensors.zarr/time/zarr.json", "tensors.zarr/log_norm_quantile/zarr.json",
    "tensors.zarr/log_norm_quantile/c/0/0/0/0", "tensors.zarr/step/c/0", "tensors.zarr/unit/c/0",
    "tensors.zarr/gradients/zarr.json", "tensors.zarr/weights/c/0/0", "tensors.zarr/inputs/c/0/0/0/0",
    "tensors.zarr/gradient_exponents/c/0/0/0/0/0", "tensors.zarr/start_states/c/0/0/0/0/0",
)  # fmt: skip
TEMPORARY = (
    "control.json.partial",
    "lease.json.partial",
    "progress.json.partial",
    "lease.lock",
    "scalars.jsonl.partial",
)
"""What is not there in a whole run, and is written to where a program chooses its names without care."""
SMALL_JSON = ("config.json", "progress.json", "control.json", "lease.json", "tensors.zarr/zarr.json",
              "tensors.zarr/hidden/zarr.json", "tensors.zarr/step/zarr.json")  # fmt: skip
ESCAPE = "\x1b]0;owned\x07\x1b[31m\u202e\x9b31m"
VALUES: tuple[Any, ...] = (
    "x", ESCAPE, 10**30, -1, 2**63, 1e308, 0, None, True, [], {}, "nan", "inf", "9" * 100_000, ["x"] * 1000, 0.5,
    "../../../etc/passwd", "![x](http://127.0.0.1:9/x.png)",
)  # fmt: skip
NESTED = b'{"a":' * 50_000


def craft(base: Path, folder: Path, outside: Path, seed: int) -> str:
    """Copy the run, change it in one place, and say how.

    Args:
        base: a run that was stopped before its end.
        folder: the new one.
        outside: a file that nobody may read through the folder, or change.
        seed: decides the change.
    """
    dice = random.Random(seed)
    shutil.copytree(base, folder)
    if not (folder / "lease.json").exists():
        holder = {"pid": 1, "host": "elsewhere", "born": 0, "token": "t", "since": 1.0}
        (folder / "lease.json").write_text(json.dumps(holder))
        os.utime(folder / "lease.json", (0, 0))
    kinds = [file_change, file_change, json_change, json_change, line_change, checkpoint_change, temporary]
    if not (folder / "checkpoints").exists():  # of a watched training
        kinds.remove(checkpoint_change)
    return dice.choice(kinds)(folder, outside, dice)


def path_of(folder: Path, name: str) -> Path:
    return next((folder / "checkpoints").iterdir()) if name == "checkpoint" else folder / name


def file_change(folder: Path, outside: Path, dice: random.Random) -> str:
    """One file is another thing, or has other bytes."""
    has_checkpoint = (folder / "checkpoints").exists()
    name = dice.choice(FILES if has_checkpoint else [name for name in FILES if name != "checkpoint"])
    path = path_of(folder, name)
    return f"{name}: {thing(path, outside, dice)}"


def thing(path: Path, outside: Path, dice: random.Random) -> str:
    content = path.read_bytes() if path.exists() else b""
    k = dice.randrange(len(content)) if content else 0
    flipped = content[:k] + bytes([content[k] ^ (1 << dice.randrange(8))]) + content[k + 1 :] if content else b"\0"
    made: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "a link out": lambda: path.symlink_to(outside),
        "a link to /dev/zero": lambda: path.symlink_to("/dev/zero"),
        "a link to itself": lambda: path.symlink_to(path),
        "a hard link out": lambda: os.link(outside, path),
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "empty": lambda: path.write_bytes(b""),
        "cut off": lambda: path.write_bytes(content[:k]),
        "a flipped bit": lambda: path.write_bytes(flipped),
        "deep nesting": lambda: path.write_bytes(NESTED),
        "sparse and huge": lambda: (path.write_bytes(content), os.truncate(path, 2**36)),
        "not UTF-8": lambda: path.write_bytes(b"\xff\xfe" + content),
        "a long line": lambda: path.write_bytes(content + b"9" * 10_000_000),
    }
    what = dice.choice(list(made))
    path.unlink(missing_ok=True)
    made[what]()
    return what


def temporary(folder: Path, outside: Path, dice: random.Random) -> str:
    """Something lies where the program might write."""
    name = dice.choice(TEMPORARY)
    path = folder / name
    path.unlink(missing_ok=True)
    return f"{name}: {thing(path, outside, dice)}"


def json_change(folder: Path, outside: Path, dice: random.Random) -> str:
    """One value of a small file is another; checksums and identities are made to fit."""
    name = dice.choice([name for name in SMALL_JSON if (folder / name).exists()])
    given = json.loads((folder / name).read_text())
    what = change(given, dice)
    put(folder, name, given, fit_identity=dice.random() < 0.5)
    return f"{name}: {what}"


def change(given: dict[str, Any], dice: random.Random) -> str:
    """One value below is another, is gone, or is new."""
    where: Any = given
    path = []
    while True:
        keys = list(where) if isinstance(where, dict) else list(range(len(where)))
        key = dice.choice(keys)
        path.append(str(key))
        if not isinstance(where[key], dict | list) or not where[key] or dice.random() < 0.2:
            break
        where = where[key]
    turn = dice.random()
    if turn < 0.15:
        del where[key]
        return f"{'.'.join(path)} is gone"
    if turn < 0.25 and isinstance(where, dict):
        where[ESCAPE] = dice.choice(VALUES)
        return f"{'.'.join(path)} has a neighbour"
    where[key] = dice.choice(VALUES)
    return f"{'.'.join(path)} is {str(where[key])[:20]!r}"


def put(folder: Path, name: str, given: dict[str, Any], fit_identity: bool = False) -> None:
    """Write a small file as one who knows its checksum would."""
    if name == "config.json" and fit_identity and isinstance(given.get("config"), dict):
        with contextlib.suppress(ConfigError, KeyError, TypeError):
            given["id"] = RunConfig.from_values(given["config"]).identity()
    if name == "progress.json":
        body = {key: value for key, value in given.items() if key not in ("check", "format")}
        with contextlib.suppress(TypeError):  # an integer that JSON's reader here does not know
            given["check"] = check(body)
    (folder / name).write_text(json.dumps(given))


def commit(folder: Path, **changes: Any) -> None:
    """Make `progress.json` say so."""
    given = json.loads((folder / "progress.json").read_text())
    put(folder, "progress.json", given | changes)


def line_change(folder: Path, outside: Path, dice: random.Random) -> str:
    """A line of scalars or events is another, and committed."""
    name = dice.choice(("scalars", "events"))
    path = folder / f"{name}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    k = dice.randrange(len(lines))
    given = json.loads(lines[k])
    turn = dice.random()
    if turn < 0.1 and name == "scalars":
        given |= {f"name {n}": 1.0 for n in range(20_000)}
        what = "20,000 names"
    elif turn < 0.2:
        letters = bytearray(lines[k])
        letters[3] ^= 1
        lines[k], given, what = bytes(letters), {}, "a flipped bit in a key"
    else:
        what = change(given, dice)
    if given:
        lines[k] = json.dumps(given).encode() + b"\n"
    content = b"".join(lines)
    path.write_bytes(content)
    commit(folder, **{name: {"size": len(content), "crc32": zlib.crc32(content)}})
    return f"{path.name}, line {k}: {what}"


def checkpoint_change(folder: Path, outside: Path, dice: random.Random) -> str:
    """The header of the checkpoint says something else, and is committed."""
    path = path_of(folder, "checkpoint")
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    if dice.random() < 0.6:
        values = json.loads(header["__metadata__"]["values"])
        what = change(values, dice)
        header["__metadata__"]["values"] = json.dumps(values)
    else:
        what = change(header, dice)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    made = struct.pack("<Q", len(text)) + text + content[8 + size :]
    path.write_bytes(made)
    commit(folder, checkpoint_crc32=zlib.crc32(made))
    return f"checkpoint: {what}"
