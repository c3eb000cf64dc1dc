"""Step Jacobians J[t] = ∂s_t/∂s_{t-1} of a recorded pass, in the joint state (h, c) if the cell has a c.

They come from the cell's closed form if it has one, otherwise from autodiff through `cell.step`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from analysis.numbers import all_finite
from models.cells.cell import Cell
from models.cells.derivatives import ClosedForm, Jacobian
from models.recording.layer_record import LayerStates

Method = Literal["auto", "closed form", "autodiff"]


@dataclass(frozen=True, eq=False)
class Jacobians:
    """Step Jacobians of one layer and direction, in the order in which it reads: the first is ∂s_1/∂s_0.

    In the reverse direction the first one belongs to the last input. Rows and columns are h, then c for an LSTM.
    """

    matrices: Float64[ndarray, "time sample state state"]
    state_names: tuple[str, ...]
    hidden_size: int
    method: Literal["closed form", "autodiff"]
    reason: str | None
    """Why entries are not finite, in a sentence; None if all are finite."""


def step_jacobians(
    layer: LayerStates,
    samples: Sequence[int] | None = (0,),
    start: int = 0,
    stop: int | None = None,
    method: Method = "auto",
) -> Jacobians:
    """J[t] for t = start … stop−1 (from 0, in the order in which the layer reads), in float64.

    Args:
        layer: a recorded layer.
        samples: which sequences of the batch; None for all. One matrix takes 8·state² bytes: 0.5 MB for an LSTM of 128.
        start: first step.
        stop: one past the last step; None for the end.
        method: `closed form` raises an error for a cell without one; `auto` then uses autodiff.

    Raises:
        ValueError: no such sample, span or method.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> J = step_jacobians(trace.top).matrices  # [time, sample, state, state]
        >>> J.shape, float(J[0, 0, 0, 0].round(6))
        ((50, 1, 4, 4), 0.9)
    """
    T, B = layer.seq_len, layer.batch_size
    stop = T if stop is None else stop
    if not 0 <= start < stop <= T:
        raise ValueError(f"start and stop were {start} and {stop}; they must be 0 ≤ start < stop ≤ {T}.")
    chosen = range(B) if samples is None else samples
    if not len(chosen) or not all(0 <= b < B for b in chosen):
        raise ValueError(f"samples were {list(chosen)}; they must be at least one of 0 to {B - 1}.")
    steps = layer.in_order()[slice(start, stop), torch.tensor(list(chosen))]
    J = state_jacobian(steps, method)
    return Jacobians(
        matrices=J.numpy(),
        state_names=steps.cell.state_names,
        hidden_size=steps.cell.hidden_size,
        method="autodiff" if chosen_form(steps.cell, method) is None else "closed form",
        reason=None if all_finite(J) else "The recorded pass diverged: some Jacobians are not finite.",
    )


def state_jacobian(steps: LayerStates, method: Method = "auto") -> Jacobian:
    """∂s_t/∂s_{t-1} at each recorded step: [*sample, state, state].

    Raises:
        ValueError: an unknown method, or `closed form` for a cell without one.
    """
    form = chosen_form(steps.cell, method)
    return autodiff(steps, of_input=False) if form is None else form.state(steps)


def input_jacobian(steps: LayerStates, method: Method = "auto") -> Jacobian:
    """∂s_t/∂x_t at each recorded step: [*sample, state, input].

    Raises:
        ValueError: as `state_jacobian`.
    """
    form = chosen_form(steps.cell, method)
    return autodiff(steps, of_input=True) if form is None else form.inputs(steps)


def chosen_form(cell: Cell, method: Method) -> ClosedForm | None:
    """The closed form if the method asks for it and the cell has one; None for autodiff."""
    if method not in ("auto", "closed form", "autodiff"):
        raise ValueError(f"method was {method!r}; it must be one of auto, closed form, autodiff.")
    if method == "closed form" and cell.closed_form is None:
        raise ValueError(f"method was 'closed form'; a {type(cell).__name__} has none, use auto or autodiff.")
    return None if method == "autodiff" else cell.closed_form


def autodiff(steps: LayerStates, of_input: bool) -> Jacobian:
    """The same derivative by reverse-mode autodiff through one step of any cell, one sample at a time under vmap."""
    sizes = steps.cell.state_sizes

    def step(s: Tensor, x: Tensor) -> Tensor:
        after, _ = steps.cell.step(x.unsqueeze(0), tuple(part.unsqueeze(0) for part in s.split(sizes)))
        return torch.cat(after, dim=-1).squeeze(0)

    leading = steps.inputs.shape[:-1]
    s = torch.cat(steps.before, dim=-1).flatten(0, -2) if leading else torch.cat(steps.before, dim=-1).unsqueeze(0)
    x = steps.inputs.reshape(len(s), -1)
    J: Tensor = torch.func.vmap(torch.func.jacrev(step, argnums=1 if of_input else 0))(s, x)
    return J.detach().reshape(*leading, *J.shape[1:])
