"""On a machine with little memory: every command within 3 GiB of address space, and no read larger than its file."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.runs.store.checkpoint import CHECKPOINTS, LARGEST_CHECKPOINT
from experiments.runs.store.files import read_small
from experiments.tasks.text import load_text

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
from experiments.__main__ import app
for line in sys.stdin:
    print(">", line, end="", flush=True)
    app(line.split(), standalone_mode=False)
"""

SMALL = "seq_len=8 hidden_size=6 batch_size=5 steps=10 evaluate_every=5 evaluate_size=20"

SWEEP = """
[fixed]
hidden_size = 6
batch_size = 4
[axes]
cell = ["elman", "gru"]
seq_len = [8, 9]
"""


def test_every_command_works_within_3_gib_of_address_space(halfway, tmp_path):
    """Torch and the compiled code take 1.5 GiB of it, whatever is read or trained."""
    (tmp_path / "small.toml").write_text(SWEEP)
    runs, out = f"--runs {halfway.parent}", tmp_path / "out"
    commands = [
        f"run {SMALL} --quiet {runs}",
        f"resume halfway --quiet {runs}",
        f"verify halfway {runs}",
        f"list {runs}",
        f"show halfway {runs}",
        *(f"export halfway --format {form} -o {out}.{form} {runs}" for form in ("csv", "parquet", "netcdf", "html")),
        f"delete halfway --yes {runs}",
        f"probe {SMALL}",
        f"sweep {tmp_path}/small.toml --workers 1 --memory 2GiB --quiet {runs}",
        f"compare small --rows cell --columns seq_len --value loss {runs}",
        f"clean {runs}",
    ]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        input="\n".join(commands), cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("> ") >= len(commands)


def peak(read: Callable[[], object]) -> int:
    """The most memory that a call had at once, bytes."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_no_read_is_larger_than_its_file(copied, tmp_path):
    (name,) = (path.name for path in (copied / CHECKPOINTS).iterdir())
    size = (copied / CHECKPOINTS / name).stat().st_size
    assert peak(lambda: read_small(copied, f"{CHECKPOINTS}/{name}", LARGEST_CHECKPOINT)) < 2 * size + 2**17
    (tmp_path / "text").write_text("to be or not to be")
    assert peak(lambda: load_text(str(tmp_path / "text"))) < 2**17
