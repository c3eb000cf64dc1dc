"""A ball under gravity in a box: see noisy positions for a while, then say where it flies in the dark."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from experiments.tasks.task import LossPosition, Targets, Task

GRAVITY = 0.01
"""g, box sides per timestep²: from the ceiling to the floor takes 14 timesteps."""
FASTEST = 0.05
"""Largest horizontal speed, box sides per timestep."""
NOISE = 0.05
"""σ, standard deviation of the noise on each coordinate, in box sides."""
AHEAD = 10
"""k: timesteps without any input at the end."""


class Ball(Task):
    """Where a ball is at the next timestep (a heavy one of Sutskever, Hinton & Taylor's bouncing balls, 2008).

    The box is 1 wide and 1 high. The ball loses nothing at its walls and its floor, and never reaches the ceiling:

        u_t = u_0 + v t,   x_t = |((u_t + 1) mod 2) − 1|             sideways, v uniform on ±.05
        s_t = (s_0 + t) mod 2w/g,   y_t = w s_t − g s_t²/2           s_t timesteps after a bounce at the speed w

    Inputs, T + 9 timesteps, 3 channels: x_t and y_t with noise of σ = .05, and a 1; for the last 9 timesteps zeros.
    Targets at every timestep: x_{t+1}, y_{t+1}, without noise. So the last 10 answers are the 10 positions after what
    was seen, in an open loop. The accuracy counts these.
    """

    name = "ball"
    input_size = 3
    output_size = 2
    default_loss_position: LossPosition = "every"
    tolerance = 2 * NOISE
    """An answer is right if both coordinates are off by less."""
    asks = "the 10 positions after what was seen, right if the error of both coordinates is below 0.1"

    def length(self, seq_len: int) -> int:
        """T + 9: T positions are seen, and the last one is followed by the first answer that counts."""
        return seq_len + AHEAD - 1

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 3"], Float[Tensor, "time 2 batch"]]:
        """Noisy positions and then none, and the next position at each timestep.

        The start is drawn from the distribution that the motion keeps, so that every timestep has the same one: x is
        uniform, and y and its speed are uniform over all that stays below the ceiling.
        """
        B, T, device = batch_size, self.length(seq_len), generator.device

        def uniform(low: float, high: float) -> Float[Tensor, " batch"]:
            return low + (high - low) * torch.rand(B, dtype=torch.float64, generator=generator, device=device)

        t = torch.arange(T + 1, dtype=torch.float64, device=device).unsqueeze(1)
        u = uniform(0, 2) + uniform(-FASTEST, FASTEST) * t
        x = ((u + 1) % 2 - 1).abs()

        below_ceiling = uniform(0, 1) ** (2 / 3)  # 1 − y_0, whose density is 3/2 √(1 − y)
        speed = uniform(-1, 1) * (2 * GRAVITY * below_ceiling).sqrt()
        w = (speed**2 + 2 * GRAVITY * (1 - below_ceiling)).sqrt()  # energy: w²/2 = speed²/2 + g y
        s = ((w - speed) / GRAVITY + t) % (2 * w / GRAVITY)
        y = w * s - GRAVITY * s**2 / 2

        position = torch.stack([x, y], dim=-1)
        noise = torch.randn(seq_len, B, 2, dtype=torch.float64, generator=generator, device=device)
        inputs = torch.zeros(T, B, 3, dtype=torch.float64, device=device)
        inputs[:seq_len, :, :2] = position[:seq_len] + NOISE * noise
        inputs[:seq_len, :, 2] = 1
        return inputs.to(dtype), position[1:].transpose(1, 2).to(dtype)

    def symbols(self, inputs: Float[Tensor, "time 3"]) -> list[str]:
        """x and y, as they are seen; a dot where nothing is."""
        return [f"{x:.2f}, {y:.2f}" if seen else "·" for x, y, seen in inputs.tolist()]

    def matters(self, inputs: Float[Tensor, "time 3"]) -> Bool[Tensor, " time"]:
        """Where the ball is seen."""
        return inputs[:, 2] > 0

    def seen(self, inputs: Float[Tensor, "time 3"]) -> Float[Tensor, "place 2"]:
        """The places that one sequence shows, with their noise."""
        return inputs[self.matters(inputs), :2]

    def losses(self, outputs: Float[Tensor, "time batch 2"], targets: Targets) -> Float[Tensor, "time batch"]:
        """Squared error at each timestep, the mean over x and y."""
        return ((outputs - targets.transpose(1, 2)) ** 2).mean(-1)

    def correct(self, outputs: Float[Tensor, "time batch 2"], targets: Targets) -> Bool[Tensor, "time batch"]:
        """Whether both coordinates are off by less than `tolerance`."""
        return ((outputs - targets.transpose(1, 2)).abs() < self.tolerance).all(-1)

    def asked(self, targets: Targets) -> Bool[Tensor, " batch"] | Bool[Tensor, "time batch"]:
        """The last 10 answers."""
        asked = torch.zeros_like(targets[:, 0], dtype=torch.bool)
        asked[-AHEAD:] = True
        return asked

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """(1/12 + 12/175)/2, the variances of x and y: the loss of the guess (1/2, 2/5), the means.

        The density of x is 1, that of y is 3/2 √(1 − y), so that E y = 2/5 and E y² = 8/35.
        """
        return (1 / 12 + 12 / 175) / 2

    def guess_accuracy(self, seq_len: int) -> float:
        """2 τ (1 − (1 − 2 τ)^(3/2)), 5.7 %: the densest square of side 2 τ lies on the floor."""
        side = 2 * self.tolerance
        return side * (1 - math.pow(1 - side, 3 / 2))
