"""State carried from batch to batch: each sequence goes on where the batch before it ended.

    s_0 of a batch = s_T of the one before,   dL/ds_0 goes no further

So the state is carried on for ever, and the gradient goes back over one batch's timesteps at most.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from experiments.config.run_config import RunConfig
from experiments.tasks.next_character import NextCharacter
from models import Trace
from models.cells.registry import CELLS


@dataclass(frozen=True, eq=False)
class Carried:
    """What the next batch begins with."""

    place: Int64[Tensor, " batch"]
    """Where each sequence stands in the text."""
    states: tuple[Float[Tensor, "layer batch unit"], ...]
    """h, and c where the cell has one."""

    @classmethod
    def beginning(
        cls, config: RunConfig, task: NextCharacter, generator: torch.Generator, dtype: torch.dtype
    ) -> "Carried":
        """Random places in the text, and states of zero."""
        zero = torch.zeros(config.num_layers, config.batch_size, config.hidden_size, dtype=dtype)
        names = CELLS[config.cell].state_names
        return cls(task.draw_places(config.batch_size, generator), tuple(zero.clone() for _ in names))

    def after(self, trace: Trace) -> "Carried":
        """The same after a recorded batch. A state that is not finite begins at zero again."""
        last = [torch.stack(parts) for parts in zip(*([s[-1] for s in x.after] for x in trace.layers), strict=True)]
        whole = torch.stack([s.isfinite().all(-1).all(0) for s in last]).all(0)[:, None]  # of all layers and parts
        states = tuple(torch.where(whole, s, torch.zeros_like(s)) for s in last)
        return Carried(self.place + trace.seq_len, states)

    def tensors(self) -> dict[str, Tensor]:
        """Name → tensor, for a checkpoint."""
        return {"place": self.place, **{f"state_{k}": s for k, s in enumerate(self.states)}}

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> "Carried":
        """From what `tensors` gave."""
        return cls(tensors["place"], tuple(tensors[f"state_{k}"] for k in range(len(tensors) - 1)))
