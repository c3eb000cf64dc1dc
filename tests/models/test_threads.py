"""One thread means one thread, whichever library multiplies."""

from collections.abc import Iterator

import numpy as np
import pytest
import scipy.linalg  # brings a BLAS of its own
import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

from dashboard.cache import record_pass
from experiments.config.run_config import RunConfig
from models.bptt.threads import use_one_thread


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in ThreadpoolController().info() if library["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2, user_api="blas"):
        assert set(blas_threads()) == {2}
        yield
    torch.set_num_threads(before)


def test_one_thread_holds_for_torch_and_for_every_blas() -> None:
    use_one_thread()
    assert torch.get_num_threads() == 1
    assert set(blas_threads()) == {1}
    assert len(blas_threads()) >= 1
    assert np.isfinite(scipy.linalg.qr(np.eye(3))[0]).all()


def test_what_the_page_computes_takes_one_thread() -> None:
    record_pass(RunConfig(cell="lstm", seq_len=7, hidden_size=3, batch_size=2, seed=11))
    assert torch.get_num_threads() == 1
    assert set(blas_threads()) == {1}
