"""requirements.txt: what the program imports is pinned there, and what is pinned is what is installed."""

import re
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

from test_architecture import ALLOWED, FILES, imported

ROOT = Path(__file__).resolve().parents[1]
PINNED = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
UNNAMED = {"pandas", "cryptography", "zarr", "numcodecs"}
"""What others import for us: xarray for CSV files, distributed for certificates, and xarray for README's example."""


OPTIONAL = {"h5py", "onnx", "lightning", "transformers", "num2words", "vadersentiment", "scikit-learn", "jax"}
"""Needed only to read other programs' files, to watch a training by another program, for the data of one task, or as a
rival in a benchmark: not every user has them."""


def test_everything_that_is_imported_is_pinned_and_nothing_else():
    tops = {name.partition(".")[0] for path in FILES for name in imported(path)}
    outside = tops - ALLOWED.keys() - sys.stdlib_module_names
    known = packages_distributions()
    assert {known.get(name, [name])[0].lower() for name in outside} | UNNAMED == set(PINNED) | OPTIONAL


def test_what_is_installed_is_what_is_pinned():
    installed = {name: version(name).partition("+")[0] for name in PINNED}  # torch of the CPU is 2.13.0+cpu
    assert installed == PINNED
