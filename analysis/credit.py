"""The credit matrix ‖∂L_t/∂h_k‖: how much the loss at t depends on the past state at k.

    ∂L_t/∂s_k = ∂L_t/∂s_{k+1} J[k+1],    ∂L_t/∂s_t = (the direct gradient of the loss at t)

One backward sweep carries the rows of all loss times at once: a block of [T − k] vectors, times one Jacobian a step.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from torch import Tensor

from analysis.jacobian import input_jacobian, state_jacobian
from analysis.no_path import explain_no_path
from analysis.numbers import log_quantile
from models.bptt.scaled import LN_2, Scaled, times_power_of_two
from models.recording.layer_record import LayerRecord, LayerStates


@dataclass(frozen=True, eq=False)
class Credit:
    """The credit of one layer and direction. Times are input positions, in reverse, too: index 0 is t = 1."""

    log_norm: Float[ndarray, "loss_time state_time batch"]
    """ln‖∂L_t/∂h_k‖₂ (nats); −inf where no path leads from h_k to L_t, NaN where the pass diverged.

    L_t is what enters the loss through the output at t, its weight included.
    """
    total: Float[ndarray, "time batch unit"]
    """Direction of Σ_t ∂L_t/∂h_k, the total gradient dL/dh_k: its true value is `total * exp(total_log_scale)`."""
    total_log_scale: Float[ndarray, "time batch"]
    """Nats."""
    reason: str | None = None
    """Why an entry is NaN, in a sentence; None if none is."""
    no_path: Bool[ndarray, "loss_time state_time"] | None = None
    """Whether no path leads from h_k to L_t, whatever the weights are; None where that is not known."""
    why_no_path: str = ""
    """Why, in a sentence, for the states that are read before their loss."""
    reverse: bool = False
    """Whether the direction reads the last input first, so that h_k comes before h_t where k > t."""

    @property
    def median(self) -> Float[ndarray, "loss_time state_time"]:
        """Median of the log norm over the batch (nats)."""
        return log_quantile(self.log_norm, 0.5)


def credit(layers: Sequence[LayerRecord], direct: Float[Tensor, "time batch unit"]) -> Credit:
    """ln‖∂L_t/∂h_k‖ (nats) for every loss t and state k.

    A truncated pass gives no credit beyond its blocks or windows.

    Args:
        layers: the top layer first, the layer whose states are asked for last: `trace.stack.above(index)`.
        direct: what each timestep's loss sends to the top layer's h_t, at input positions: see
            `models.direct_gradients`.

    Raises:
        ValueError: direct gradients of another shape.

    Example:
        >>> import torch
        >>> from models import SequenceModel, direct_gradients, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(5, 2, 1), lambda outputs: outputs.sum())
        >>> direct = direct_gradients(model, trace, lambda outputs: outputs.sum(-1))
        >>> log_norm = credit(trace.stack.above(0), direct).median  # [loss time, state time]
        >>> print(f"{log_norm[4, 0] - log_norm[4, 4]:.4f}")  # four steps back: 4 ln 0.9
        -0.4214
    """
    reverse, window = layers[-1].reverse, layers[-1].window
    cut = layers[-1].cut() if window is None else [False] * layers[-1].seq_len
    if direct.shape != layers[0].hidden.shape:
        expected = tuple(layers[0].hidden.shape)
        raise ValueError(f"direct has shape {tuple(direct.shape)}; it must be [time, batch, unit], {expected}.")
    direct = layers[0].flipped(direct.detach().cpu().double())
    rows = torch.nonzero((direct != 0).flatten(1).any(dim=1) | direct.isnan().flatten(1).any(dim=1)).flatten()

    sweeps = [Sweep.start(layer.in_order(), len(rows)) for layer in layers]
    T, B, H = direct.shape
    log_norm = torch.full((T, T, B), -math.inf, dtype=torch.float64)
    total, total_exponent = torch.zeros(T, B, H, dtype=torch.float64), torch.zeros(T, B, dtype=torch.int64)
    no_path, reaches = torch.ones(T, T, dtype=torch.bool), torch.zeros(T, dtype=torch.bool)
    for k in reversed(range(T)):
        first = int(torch.searchsorted(rows, k))  # rows before it are losses that h_k comes after
        if first < len(rows) and rows[first] == k:
            sweeps[0].block[:, first, :H] = direct[k]
            reaches[k] = True
        no_path[reaches, k] = False
        for sweep in sweeps:
            sweep.rescale(first)
        for above, sweep in itertools.pairwise(sweeps):
            sweep.add(above.to_inputs(k, first), first)
        norms = sweeps[-1].log_norms(first)
        log_norm[rows[first:], k] = norms.T
        total[k], total_exponent[k] = sweeps[-1].sum(first, norms)
        if cut[k]:
            reaches[:] = False
        if window is not None:
            reaches[k - 1 + window :] = False
        for sweep in sweeps:
            if cut[k]:
                sweep.block.zero_()
            elif k > 0:
                sweep.step(k, first)
            if window is not None:
                sweep.block[:, rows - (k - 1) >= window] = 0

    if reverse:
        log_norm, total, total_exponent = log_norm.flip(0, 1), total.flip(0), total_exponent.flip(0)
        no_path = no_path.flip(0, 1)
    return Credit(
        log_norm=log_norm.numpy(),
        total=total.numpy(),
        total_log_scale=(total_exponent.double() * LN_2).numpy(),
        reason="The recorded pass diverged: some entries are NaN." if bool(log_norm.isnan().any()) else None,
        no_path=no_path.numpy(),
        why_no_path=explain_no_path(replace(layers[-1], reverse=False)),
        reverse=reverse,
    )


COMFORTABLE = 1e-60, 1e60
"""A row whose largest entry is within these has squares in float64, also after a step by which it shrinks by 1e-90."""


@dataclass(eq=False)
class Sweep:
    """The rows ∂L_t/∂s_k of one layer on their way back in time: the true row is `block * 2 ** exponent`."""

    steps: LayerStates
    block: Float[Tensor, "batch loss state"]
    exponent: Int64[Tensor, "batch loss"]

    @staticmethod
    def start(steps: LayerStates, rows: int) -> "Sweep":
        """Start with zeros, before any loss."""
        B, size = steps.inputs.shape[1], sum(steps.cell.state_sizes)
        block = torch.zeros(B, rows, size, dtype=torch.float64)
        return Sweep(steps, block, torch.zeros(B, rows, dtype=torch.int64))

    def step(self, k: int, first: int) -> None:
        """∂L_t/∂s_{k-1} from ∂L_t/∂s_k: vector times Jacobian, for all loss times together."""
        self.block[:, first:] = self.block[:, first:] @ state_jacobian(self.steps[k])

    def to_inputs(self, k: int, first: int) -> Scaled:
        """∂L_t/∂x_k, the gradient that this layer sends to the h_k of the layer below."""
        return Scaled((self.block[:, first:] @ input_jacobian(self.steps[k]),), self.exponent[:, first:])

    def add(self, gradient: Scaled, first: int) -> None:
        """Add a gradient with respect to h."""
        H = self.steps.cell.hidden_size
        (rows,) = gradient.parts
        padded = torch.nn.functional.pad(rows, (0, self.block.shape[-1] - H))
        result = Scaled((self.block[:, first:],), self.exponent[:, first:]) + Scaled((padded,), gradient.exponent)
        self.block[:, first:], self.exponent[:, first:] = result.parts[0], result.exponent

    def rescale(self, first: int) -> None:
        """Rescale rows that have grown or shrunk far, so that their largest entry is near 1."""
        largest = torch.linalg.vector_norm(self.block[:, first:], ord=math.inf, dim=-1)
        far = (largest != 0) & ((largest < COMFORTABLE[0]) | (largest > COMFORTABLE[1]))
        if bool(far.any()):
            scaled = Scaled((self.block,), self.exponent)
            magnitude = torch.where((self.block == 0).all(dim=-1), 0, scaled.magnitude())
            self.block, self.exponent = scaled.at(magnitude).parts[0], magnitude

    def log_norms(self, first: int) -> Float[Tensor, "batch loss"]:
        """ln‖∂L_t/∂h_k‖ of each loss time (nats)."""
        h = self.block[:, first:, : self.steps.cell.hidden_size]
        return torch.linalg.vector_norm(h, dim=-1).log() + self.exponent[:, first:].double() * LN_2

    def sum(self, first: int, log_norms: Float[Tensor, "batch loss"]) -> tuple[Tensor, Tensor]:
        """Σ_t ∂L_t/∂h_k as [batch, unit] and its exponent [batch]."""
        h, exponent = self.block[:, first:, : self.steps.cell.hidden_size], self.exponent[:, first:]
        present = ~torch.isneginf(log_norms)
        if not bool(present.any()):
            return h.new_zeros(len(h), h.shape[-1]), exponent.new_zeros(len(h))
        largest = torch.where(present, exponent, torch.iinfo(torch.int64).min).amax(dim=1)
        largest = torch.where(present.any(dim=1), largest, 0)
        share = torch.where(present, exponent - largest[:, None], 0)
        weight = times_power_of_two(torch.ones_like(log_norms), share)
        return torch.einsum("br,brh->bh", weight, h), largest
