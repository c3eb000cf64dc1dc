"""One thread means one thread, whichever library multiplies."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BEGIN = """
import numpy as np
import scipy.linalg  # brings a BLAS of its own
import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

def blas_threads():
    return [library["num_threads"] for library in ThreadpoolController().info() if library["user_api"] == "blas"]

torch.set_num_threads(2)
threadpool_limits(2, user_api="blas")
assert set(blas_threads()) == {2}
"""
END = """
assert torch.get_num_threads() == 1
assert set(blas_threads()) == {1}
assert np.isfinite(scipy.linalg.qr(np.eye(3))[0]).all()
"""


def after(action: str) -> int:
    """How a process ends that has two threads, does this, and must have one: of its own, since other tests set them."""
    return subprocess.run([sys.executable, "-c", BEGIN + action + END], cwd=ROOT, check=False).returncode


def test_one_thread_holds_for_torch_and_for_every_blas() -> None:
    assert after("from models.bptt.threads import use_one_thread; use_one_thread()") == 0
    assert after("") != 0, "nothing else makes it one"


def test_what_the_page_computes_takes_one_thread() -> None:
    assert (
        after("""
from dashboard.cache import record_pass
from experiments.config.run_config import RunConfig
record_pass(RunConfig(cell="elman", seq_len=7, hidden_size=3, batch_size=2, seed=11))
""")
        == 0
    )
