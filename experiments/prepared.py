"""`python -m experiments.prepared SOCKET` is the process of which the pages' training is copied; see `copies`."""

import importlib
import sys
from contextlib import suppress

from experiments.config.run_config import RunConfig
from experiments.copies import run, serve_copies
from experiments.errors import ConfigError
from experiments.training.training import Training
from models import CELLS
from models.bptt.threads import use_one_thread


def prepare() -> None:
    """Import the command line, and train each cell for one step, so that its compiled code is loaded."""
    use_one_thread()
    importlib.import_module("experiments.commands.command_line")
    for cell in CELLS:
        with suppress(ConfigError):  # who trains this cell is told why it cannot
            training = Training(RunConfig(cell=cell, seq_len=4, batch_size=1, hidden_size=4), "fast")
            training.update(training.advance().clipping.grads)


if __name__ == "__main__":
    run(serve_copies(int(sys.argv[1]), prepare))
