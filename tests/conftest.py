"""Shapes are checked in every test: jaxtyping's annotations, by beartype."""

import sys
from pathlib import Path

import torch
from jaxtyping import install_import_hook

sys.path.insert(0, str(Path(__file__).parent))  # for `oracles`
install_import_hook(["models"], "beartype.beartype")
torch.set_num_threads(1)  # the suite runs on all cores side by side already
