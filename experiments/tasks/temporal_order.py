"""The temporal order problem: which two symbols came, and in which order, long ago."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import one_hot
from experiments.tasks.even_classes import EvenClasses
from experiments.tasks.task import LossPosition


class TemporalOrder(EvenClasses):
    """The order of two symbols among distractors (Pascanu et al. 2013, §4.1.1, as its published code samples it).

    Six symbols, one-hot: X = 0, Y = 1 and the distractors 2 to 5. X or Y is at one random timestep of [.1T, .2T) and
    again of [.5T, .6T); distractors are elsewhere; there is no trigger. One target per sequence: the class v_1 + 2 v_2
    of four. Window edges round down. The published code needs T ≥ 10; here each window has one timestep for smaller T.
    With T = 1 both windows are the only timestep, so that the second symbol hides the first, and no network gets below
    ln 2.
    """

    name = "temporal_order"
    input_size = 6
    output_size = 4
    default_loss_position: LossPosition = "last"
    asks = "the class at the last timestep"

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 6"], Int[Tensor, " batch"]]:
        """One-hot symbols, and the class of their order."""
        T, B, device = seq_len, batch_size, generator.device
        tenth, half = T // 10, T // 2
        width = max(tenth, 1)
        symbols = torch.randint(2, 6, (T, B), generator=generator, device=device)
        t_1 = torch.randint(tenth, tenth + width, (1, B), generator=generator, device=device)
        t_2 = torch.randint(half, half + width, (1, B), generator=generator, device=device)
        v_1 = torch.randint(0, 2, (1, B), generator=generator, device=device)
        v_2 = torch.randint(0, 2, (1, B), generator=generator, device=device)
        symbols.scatter_(0, t_1, v_1).scatter_(0, t_2, v_2)
        return one_hot(symbols, self.input_size, dtype), (v_1 + 2 * v_2).squeeze(0)

    def symbols(self, inputs: Float[Tensor, "time 6"]) -> list[str]:
        """X and Y, and a to d for the distractors."""
        return ["XYabcd"[symbol] for symbol in inputs.argmax(-1).tolist()]

    def matters(self, inputs: Float[Tensor, "time 6"]) -> Bool[Tensor, " time"]:
        """X and Y."""
        return inputs.argmax(-1) < 2

    def answer_word(self, answer: float) -> str:
        """The two symbols in their order."""
        return ("X, X", "Y, X", "X, Y", "Y, Y")[int(answer)]

    def dependency(self, seq_len: int) -> int:
        """From the start of the first window to the last timestep."""
        return seq_len - 1 - seq_len // 10
