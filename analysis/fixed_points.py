"""Fixed and slow points: the states that a network keeps, or nearly keeps, while its input stays constant.

    q(s) = ½ ‖F(s) − s‖²,  F(s) = s_{t+1} if s_t = s      (Sussillo & Barak 2013, eq. 1)

The minima of q are found by Levenberg and Marquardt's steps, from states that the network has been in:

    δ = −(AᵀA + λI)⁻¹ Aᵀ r,  r = F(s) − s,  A = ∂F/∂s − I

At a fixed point r = 0. A slow point is a minimum where r is small but not 0: the state drifts past it. The eigenvalues
of ∂F/∂s there say what a small change of the state does next: it fades along those inside the unit circle.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Complex, Float, Int
from numpy import ndarray
from torch import Tensor

from analysis.jacobian import state_jacobian
from models.cells.cell import Cell
from models.recording.layer_record import LayerStates

STEPS = 200
"""Most steps of a search: from most starts, 10 to 30 are enough."""
CLOSE = 1e-9
"""Up to this ‖F(s) − s‖, relative to 1 + ‖s‖, a point counts as fixed."""
FLAT = 1e-6
"""Up to this ‖Aᵀr‖, relative to ‖r‖, a point counts as a minimum of q."""
APART = 1e-4
"""Points nearer to each other than this, relative to 1 + ‖s‖, are one."""


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """The fixed and slow points that were found, the one that most starts led to first."""

    states: Float[ndarray, "point state"]
    """s: h, then c for an LSTM."""
    speed: Float[ndarray, " point"]
    """‖F(s) − s‖₂, how far the state moves in one step."""
    is_fixed: Bool[ndarray, " point"]
    """False for a slow point."""
    eigenvalues: Complex[ndarray, "point state"]
    """Of ∂F/∂s there, the largest first."""
    found: Int[ndarray, " point"]
    """How many starts led to it."""
    starts: int
    """How many searches there were; those not counted in `found` came to no minimum."""
    reason: str | None = None
    """Why there are no points, in a sentence; None if there are some."""

    @property
    def unstable(self) -> Int[ndarray, " point"]:
        """In how many directions small changes grow: 0 at a stable point."""
        return (np.abs(self.eigenvalues) > 1).sum(axis=1)


def fixed_points(
    layer: LayerStates, constant: Float[Tensor, " input"] | None = None, count: int = 64, seed: int = 0
) -> FixedPoints:
    """The fixed and slow points of a recorded layer's own dynamics.

    Args:
        layer: a recorded layer; searches start at states that it has been in, of any timestep and sequence.
        constant: the input that stays; None for zeros.
        count: how many searches.
        seed: of the draw of the states where they start.

    Raises:
        ValueError: a count below 1, or an input of another size.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=1, output_size=1)
        >>> for p in model.recurrent.parameters():
        ...     p.data = torch.full_like(p, 2.0) if p.shape == (1, 1) else torch.zeros_like(p)
        >>> trace = record(model, torch.randn(50, 8, 1), lambda outputs: outputs[-1].sum())
        >>> points = fixed_points(trace.top)  # h = tanh(2 h) at 0 and ±.9575
        >>> sorted(abs(points.states[:, 0]).round(4).tolist())
        [0.0, 0.9575, 0.9575]
    """
    if count < 1:
        raise ValueError(f"count was {count}; it must be at least 1.")
    states = layer.in_order() if layer.lengths is None else layer.in_float64()
    seen = torch.cat(states.after, dim=-1)
    kept = seen[~states.padding] if states.padding is not None else seen.flatten(0, -2)
    generator = torch.Generator().manual_seed(seed)
    starts = kept[torch.randint(len(kept), (count,), generator=generator)]
    return fixed_points_from(states.cell, starts, constant)


def fixed_points_from(
    cell: Cell, starts: Float[Tensor, "start state"], constant: Float[Tensor, " input"] | None = None
) -> FixedPoints:
    """The fixed and slow points of a cell that are found from these states.

    Raises:
        ValueError: states or an input of another size.
    """
    cell = cell.on_cpu()
    size, input_size = sum(cell.state_sizes), cell.weight_ih.shape[1]
    constant = torch.zeros(input_size) if constant is None else constant
    if starts.ndim != 2 or starts.shape[1] != size or not len(starts):
        raise ValueError(f"starts have shape {tuple(starts.shape)}; they must be [start, {size}], with at least one.")
    if constant.shape != (input_size,):
        raise ValueError(f"constant has shape {tuple(constant.shape)}; it must be [{input_size}].")
    x = constant.detach().cpu().double()
    s, r, J = search(cell, starts.detach().cpu().double().clone(), x)
    A = J - torch.eye(size, dtype=torch.float64)
    speed = r.norm(dim=1)
    is_fixed = speed <= CLOSE * (1 + s.norm(dim=1))
    flat = (A.mT @ r[..., None]).squeeze(-1).norm(dim=1) <= FLAT * speed
    at_rest = (is_fixed | flat) & J.isfinite().all(dim=2).all(dim=1)
    chosen, found = distinct(s, speed, at_rest)
    if not chosen:
        none = np.zeros((0, size))
        reason = (
            "No search came to a point where the state rests or nearly does."
            if bool(torch.cat([starts.flatten(), *(w.flatten() for w in cell.weights.values())]).isfinite().all())
            else "A weight or a state is not finite."
        )
        return FixedPoints(none, none[:, 0], none[:, 0] > 0, none + 0j, none[:, 0].astype(int), len(starts), reason)
    eigenvalues = np.linalg.eigvals(J[chosen].numpy()).astype(complex)
    order = np.argsort(-np.abs(eigenvalues), axis=1, kind="stable")
    return FixedPoints(
        states=s[chosen].numpy(),
        speed=speed[chosen].numpy(),
        is_fixed=is_fixed[chosen].numpy(),
        eigenvalues=np.take_along_axis(eigenvalues, order, axis=1),
        found=np.array(found),
        starts=len(starts),
    )


def search(
    cell: Cell, s: Float[Tensor, "start state"], x: Float[Tensor, " input"]
) -> tuple[Float[Tensor, "start state"], Float[Tensor, "start state"], Float[Tensor, "start state state"]]:
    """The end of each search: s, which is changed in place, r = F(s) − s, and ∂F/∂s."""
    identity = torch.eye(s.shape[1], dtype=s.dtype)
    (r, J), damping = residual(cell, s, x), torch.full((len(s),), 1e-3, dtype=s.dtype)
    for _ in range(STEPS):
        going = ((r.norm(dim=1) > CLOSE / 100 * (1 + s.norm(dim=1))) & (damping < 1e12)).nonzero().squeeze(1)
        if not len(going):
            break
        A = J[going] - identity
        scale = damping[going] * (A**2).sum(dim=(1, 2)) / len(identity) + torch.finfo(s.dtype).tiny
        step, _ = torch.linalg.solve_ex(A.mT @ A + scale[:, None, None] * identity, -A.mT @ r[going][..., None])
        tried = s[going] + step.squeeze(-1)
        r_tried, J_tried = residual(cell, tried, x)
        better = r_tried.norm(dim=1) < r[going].norm(dim=1)  # False for what is not finite
        damping[going] = (damping[going] * torch.where(better, 0.2, 5.0)).clamp(min=1e-15)
        moved = going[better]
        s[moved], r[moved], J[moved] = tried[better], r_tried[better], J_tried[better]
    return s, r, J


def residual(
    cell: Cell, s: Float[Tensor, "start state"], x: Float[Tensor, " input"]
) -> tuple[Float[Tensor, "start state"], Float[Tensor, "start state state"]]:
    """F(s) − s and ∂F/∂s."""
    before = s.split(cell.state_sizes, dim=1)
    inputs = x.expand(len(s), -1)
    after, gates = cell.step(inputs, before)
    J = state_jacobian(LayerStates(cell=cell, inputs=inputs, before=before, after=after, gates=gates))
    return torch.cat(after, dim=1) - s, J


def distinct(
    s: Float[Tensor, "start state"], speed: Float[Tensor, " start"], at_rest: Bool[Tensor, " start"]
) -> tuple[list[int], list[int]]:
    """The searches that stand for a point each, and how many ended there; the slowest of a point stands for it."""
    chosen: list[int] = []
    found: list[int] = []
    for k in speed.argsort().tolist():
        if not at_rest[k]:
            continue
        near = [p for p, other in enumerate(chosen) if (s[k] - s[other]).norm() <= APART * (1 + s[k].norm())]
        if near:
            found[near[0]] += 1
        else:
            chosen.append(k)
            found.append(1)
    order = sorted(range(len(chosen)), key=lambda p: -found[p])
    return [chosen[p] for p in order], [found[p] for p in order]
