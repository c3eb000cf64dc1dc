"""Lyapunov exponents: the rates, in nats per step, at which small changes of the state grow or die in the long run.

    Q, R = qr(J[t] @ Q);   λ_i = mean over t of ln |R_ii|        (Benettin et al. 1980; Engelken et al. 2023)

J[t] is in the joint state (h, c) of an LSTM: with h alone the exponents would be wrong. The exponents of a stack are
those of all its layers, each driven by the layer below.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.jacobian import state_jacobian
from analysis.product import cosine_basis
from analysis.wording import counted
from models.cells.cell import Cell, State
from models.recording.layer_record import LayerStates

FEWEST_STEPS = 16
"""With fewer measured steps there is no standard error, and so no exponent."""


@dataclass(frozen=True, eq=False)
class Lyapunov:
    """The Lyapunov exponents of one trajectory."""

    exponents: Float[ndarray, " exponent"]
    """Nats per step, largest first; NaN: see `reason`.

    −inf for a singular Jacobian: float64 cannot tell a factor below state·1e-16 from 0.
    """
    standard_error: Float[ndarray, " exponent"]
    """Of each exponent, in nats per step, from the scatter of batch means; NaN if the exponent is not finite."""
    state_size: int
    """The number of all exponents: the hidden units, twice as many with a cell state."""
    steps: int
    """How many steps were measured."""
    transient: int
    """How many steps before them were left out, while state and directions settled."""
    reason: str | None = None
    """Why a number above is not finite, in a sentence; None if all are finite."""

    @property
    def entropy_rate(self) -> float:
        """H = Σ of the positive exponents, nats per step: an upper bound on the entropy rate (Ruelle's inequality).

        NaN where not every positive exponent was computed. Source: Engelken, Wolf & Abbott 2023, §II.
        """
        if np.isnan(self.exponents).any() or not self._reaches(bool(self.exponents[-1] <= 0)):
            return float("nan")
        return float(self.exponents[self.exponents > 0].sum())

    @property
    def kaplan_yorke_dimension(self) -> float:
        """D = k + Σ_{i≤k} λ_i / |λ_{k+1}|, k the largest number of exponents whose sum is not below 0.

        It estimates the dimension of the attractor (Kaplan & Yorke 1979): 0 where all exponents are below 0, and the
        state's size where their sum is not. NaN where too few exponents were computed.
        """
        sums = np.cumsum(self.exponents)
        below = np.flatnonzero(sums < 0)
        if np.isnan(sums).any() or not self._reaches(below.size > 0):
            return float("nan")
        if not below.size:
            return float(self.state_size)
        k = int(below[0])
        return k + float((sums[k - 1] if k else 0.0) / abs(self.exponents[k]))

    def _reaches(self, far: bool) -> bool:
        """Whether the computed exponents are enough: all of them, or as `far` as is needed."""
        return len(self.exponents) == self.state_size or far


def lyapunov(
    layer: LayerStates,
    sample: int = 0,
    count: int | None = None,
    transient: int | None = None,
) -> Lyapunov:
    """The Lyapunov exponents of one layer along one recorded sequence, driven by its inputs.

    Args:
        layer: a recorded layer.
        sample: which sequence of the batch.
        count: how many of the largest exponents to compute; fewer cost less. None for all.
        transient: how many first steps are not measured; None for a tenth of all steps.

    Raises:
        ValueError: no such sample, or a count or transient out of range.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> print(lyapunov(trace.top).exponents.round(4))  # ln 0.9
        [-0.1054 -0.1054 -0.1054 -0.1054]
    """
    if not 0 <= sample < layer.batch_size:
        raise ValueError(f"sample was {sample}; this layer has samples 0 to {layer.batch_size - 1}.")
    return lyapunov_of_steps(layer.in_order()[:, torch.tensor(sample)], count, transient)


def lyapunov_driven(
    cell: Cell,
    inputs: Float[Tensor, "time input"],
    start: State | None = None,
    count: int | None = None,
    transient: int | None = None,
) -> Lyapunov:
    """The exponents of a cell driven by one input sequence; `start` is (h,) or (h, c), each [hidden]; None for zeros.

    Raises:
        ValueError: inputs or a start of another shape, a count or transient out of range.

    Example:
        >>> import torch
        >>> from models import SequenceModel
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> print(lyapunov_driven(model.recurrent.cell(0), torch.zeros(50, 1)).exponents.round(4))  # ln 0.9
        [-0.1054 -0.1054 -0.1054 -0.1054]
    """
    return lyapunov_of_steps(run(cell, inputs, start), count, transient)


def lyapunov_autonomous(
    cell: Cell, start: State, steps: int, count: int | None = None, transient: int | None = None
) -> Lyapunov:
    """The exponents of a cell with zero input, from a start (h,) or (h, c), each [hidden].

    Zeros are a fixed point of a network without biases. Start elsewhere to reach its attractor.

    Raises:
        ValueError: as `lyapunov_driven`, or fewer than 1 step.
    """
    if steps < 1:
        raise ValueError(f"steps was {steps}; it must be at least 1.")
    inputs = torch.zeros(steps, cell.weight_ih.shape[1], dtype=torch.float64)
    return lyapunov_of_steps(run(cell, inputs, start), count, transient)


def run(cell: Cell, inputs: Float[Tensor, "time input"], start: State | None) -> LayerStates:
    """One trajectory in float64, without a gradient: [time, unit]."""
    cell = cell.on_cpu()
    input_size, sizes = cell.weight_ih.shape[1], dict(zip(cell.state_names, cell.state_sizes, strict=True))
    if inputs.ndim != 2 or inputs.shape[1] != input_size or not len(inputs):
        raise ValueError(
            f"inputs have shape {tuple(inputs.shape)}; they must be [time, {input_size}], with time at least 1."
        )
    start = tuple(map(torch.zeros, sizes.values())) if start is None else start
    if [tuple(s.shape) for s in start] != [(size,) for size in sizes.values()]:
        wanted = ", ".join(f"{name} [{size}]" for name, size in sizes.items())
        raise ValueError(f"start must be {len(sizes)} tensors of these shapes: {wanted}.")
    inputs = inputs.detach().cpu().double()
    states, gates = [tuple(s.detach().cpu().double().unsqueeze(0) for s in start)], []
    for x_t in inputs.unsqueeze(1):
        state, gates_t = cell.step(x_t, states[-1])
        states.append(state)
        gates.append(gates_t)
    over_time = tuple(torch.cat(part) for part in zip(*states, strict=True))
    return LayerStates(
        cell=cell,
        inputs=inputs,
        before=tuple(s[:-1] for s in over_time),
        after=tuple(s[1:] for s in over_time),
        gates={name: torch.cat([g[name] for g in gates]) for name in cell.gate_names},
    )


CHUNK = 64  # steps whose Jacobians are made at once: 34 MB for an LSTM of 128 units


def lyapunov_of_steps(steps: LayerStates, count: int | None = None, transient: int | None = None) -> Lyapunov:
    """The exponents along recorded steps [time, unit] of one sequence.

    Raises:
        ValueError: a count or transient out of range.
    """
    T = len(steps.inputs)
    size = sum(steps.cell.state_sizes)
    J = (J_t for t in range(0, T, CHUNK) for J_t in state_jacobian(steps[t : t + CHUNK]))
    return lyapunov_of_jacobians(J, T, size, count, transient)


def lyapunov_of_jacobians(
    jacobians: Iterable[Float[Tensor, "state state"]],
    steps: int,
    size: int,
    count: int | None = None,
    transient: int | None = None,
) -> Lyapunov:
    """The exponents of any sequence of `steps` square matrices; the first matrix acts first, and each is read once.

    Raises:
        ValueError: a count or transient out of range.
    """
    count = size if count is None else count
    transient = steps // 10 if transient is None else transient
    if not 1 <= count <= size:
        raise ValueError(f"count was {count}; it must be from 1 to {size}.")
    if transient < 0:
        raise ValueError(f"transient was {transient}; it must be at least 0.")
    measured = steps - transient
    nan = np.full(count, np.nan)
    if measured < FEWEST_STEPS:
        reason = (
            f"Only {counted(max(measured, 0), 'step')} after a transient of {transient}; {FEWEST_STEPS} are needed."
        )
        return Lyapunov(nan, nan, size, max(measured, 0), transient, reason)

    batches = 20 if measured >= 200 else 8
    # QR falls on the transient's end and on every batch's, so that batches have whole numbers of steps.
    ends = [transient + measured * b // batches for b in range(batches + 1)]
    Q = torch.from_numpy(cosine_basis(size))[:, :count].contiguous()
    total = np.zeros(count)
    totals = [total]
    for done, log_growth in qr_recursion(jacobians, Q, set(ends)):
        if np.isnan(log_growth).any():
            return Lyapunov(nan, nan, size, measured, transient, f"The Jacobian of step {done} is not finite.")
        if done <= transient:
            continue
        total = total + log_growth
        if done in ends:
            totals.append(total)

    lengths = np.diff(ends)
    with np.errstate(invalid="ignore"):  # −inf of a singular Jacobian
        growth = np.stack([after - before for before, after in itertools.pairwise(totals)])
        exponents = total / measured
        deviation = growth / lengths[:, None] - exponents
        error = np.sqrt((lengths[:, None] * deviation**2).sum(axis=0) / measured / (batches - 1))
    dead = np.isneginf(total)
    exponents[dead], error[dead] = -np.inf, np.nan
    order = np.argsort(-exponents, kind="stable")
    note = f"{dead.sum()} exponents are −inf: Jacobians are singular." if dead.any() else None
    return Lyapunov(exponents[order], error[order], size, measured, transient, note)


LARGEST_LOSS = float(np.log(1e8))
"""How far columns may turn towards each other between two QRs: the smallest R_ii keeps eight of sixteen digits."""


def qr_recursion(
    jacobians: Iterable[Tensor], Q: Float[Tensor, "state exponent"], ends: set[int]
) -> Iterator[tuple[int, Float[ndarray, " exponent"]]]:
    """Yield (steps done, ln |R_ii| since the last QR), at least at each of `ends`; NaN if a product is not finite.

    QR costs as much as five matrix products, so it waits while the columns stay apart. The last steps say how many
    steps are safe. If the columns came too close all the same, the steps are done again one by one.
    """
    waiting: list[Tensor] = []
    wait = 1
    for done, J in enumerate(jacobians, start=1):
        waiting.append(J)
        if len(waiting) < wait and done not in ends:
            continue
        Y = Q
        for factor in waiting:
            Y = factor @ Y
        new_Q, R = torch.linalg.qr(Y)
        loss = columns_closeness(R)
        if not loss <= LARGEST_LOSS and len(waiting) > 1:
            for k, factor in enumerate(waiting, start=done - len(waiting) + 1):
                Q, R = torch.linalg.qr(factor @ Q)
                yield k, log_diagonal(R)
            wait = 1
        else:
            Q = new_Q
            yield done, log_diagonal(R)
            safe = int(0.7 * LARGEST_LOSS * len(waiting) / loss) if loss > 0 else 2 * wait
            wait = max(1, min(safe, 2 * wait, 16))  # 16: norms stay in range up to 1e19 a step
        waiting = []


def columns_closeness(R: Float[Tensor, "exponent exponent"]) -> float:
    """The largest ln(‖column‖ / |R_ii|): 0 for orthogonal columns, large where one nearly lies in those before it."""
    return float((column_norms(R) / R.diagonal().abs()).max().log())


def column_norms(R: Float[Tensor, "exponent exponent"]) -> Float[Tensor, " exponent"]:
    """‖column‖ of each column, even if float64 cannot hold its square: 16 steps of 1e-12 are 1e-192."""
    largest = R.abs().amax(dim=0)
    unit = torch.where((largest > 0) & largest.isfinite(), largest, 1.0)
    return (R / unit).norm(dim=0) * unit


def log_diagonal(R: Float[Tensor, "exponent exponent"]) -> Float[ndarray, " exponent"]:
    """ln |R_ii|; −inf if R_ii is zero up to rounding, NaN if R is not finite."""
    diagonal, column = R.diagonal().abs(), column_norms(R)
    rounding = len(R) * torch.finfo(R.dtype).eps * column
    values: Float[ndarray, " exponent"] = torch.where(diagonal > rounding, diagonal, 0.0).log().numpy()
    return np.where(bool(R.isfinite().all()), values, np.nan)
