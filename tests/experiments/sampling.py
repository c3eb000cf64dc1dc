"""Tasks by their names, seeded generators, sizes to try, and the symbols of one-hot inputs."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from experiments.tasks import TASKS, LossPosition, Task, make_task

NAMES = [*TASKS]
POSITIONS: list[LossPosition] = ["last", "every"]
SIZES = {"batch_size": st.integers(1, 7), "seq_len": st.integers(1, 64), "seed": st.integers(0, 2**32)}


@dataclass(frozen=True)
class Settings:
    task: str
    text_file: str = "hello"
    reverse_source: bool = False
    data_file: str | None = None
    data_column: str | None = None
    delay: int | None = None


def task_named(name: str) -> Task:
    return make_task(Settings(name))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def symbols_of(inputs: torch.Tensor) -> list[list[int]]:
    """[batch][time] symbols of one-hot inputs, which must be one-hot."""
    assert ((inputs == 0) | (inputs == 1)).all()
    assert (inputs.sum(-1) == 1).all()
    return inputs.argmax(-1).T.tolist()
