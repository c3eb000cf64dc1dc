"""The chain rule by hand: three steps of "hello" through one tanh unit, and three other ways to its gradients.

h_t = tanh(v·x_t + w h_{t−1}),   p_t = softmax(u h_t),   L = Σ_t c_t L_t,   L_t = −ln p_t[right]

dL/dh_t = c_t dL_t/dh_t + w (1 − h_{t+1}²) dL/dh_{t+1}

Small enough for a pencil, so that a person can check the engine; its numbers are fixed here, all but w and the c_t.
In all functions `weight` is w and `counts` [time] the c_t, which say how much each step's loss counts.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.scalar import tanh_slope
from models import SequenceModel, Trace, record

VOCABULARY = "helo"
READS, SAYS = "hel", "ell"
"""The first three characters of "hello", and the one that follows each."""
INPUT_WEIGHTS = (0.8, -0.5, 0.6, 0.3)
OUTPUT_WEIGHTS = (-0.7, 0.4, 1.0, -0.2)
"""Round numbers, so that a hand can follow: one unit, no biases."""

Steps = Float[ndarray, " time"]


@dataclass(frozen=True, eq=False)
class ByHand:
    """The chain rule written out with numbers, t = 1 … 3; arrays are [time]."""

    h: Steps
    probability: Steps
    """Probability of the right character."""
    slope: Steps
    """∂h_{t+1}/∂h_t = w (1 − h_{t+1}²); 0 at the last step, which nothing follows."""
    direct: Steps
    """c_t dL_t/dh_t = c_t Σ_v (p_v − [v is right]) u_v."""
    from_loss: Float[ndarray, "loss time"]
    """The part of each step's loss in dL/dh_t; NaN for losses before t."""

    @property
    def through(self) -> Steps:
        """The part of dL/dh_t through h_{t+1}."""
        return self.slope * np.append(self.total[1:], 0.0)

    @property
    def total(self) -> Steps:
        """dL/dh_t: all losses, by all ways."""
        return np.nansum(self.from_loss, axis=0)


def by_hand(weight: float, counts: Steps) -> ByHand:
    """Every number of the pass, forwards and then backwards."""
    v, u = np.array(INPUT_WEIGHTS), np.array(OUTPUT_WEIGHTS)
    T = len(READS)
    a, h, p, direct = np.zeros((4, T))
    for t in range(T):
        a[t] = v[VOCABULARY.index(READS[t])] + weight * (h[t - 1] if t else 0.0)
        h[t] = np.tanh(a[t])
        scores = np.exp(u * h[t])
        softmax, right = scores / scores.sum(), VOCABULARY.index(SAYS[t])
        p[t] = softmax[right]
        direct[t] = counts[t] * (softmax @ u - u[right])
    slope = np.append(weight * tanh_slope(a[1:]), 0.0)
    from_loss = np.full((T, T), np.nan)
    for s in range(T):
        for t in range(s + 1):
            from_loss[s, t] = direct[s] * np.prod(slope[t:s])
    return ByHand(h, p, slope, direct, from_loss)


def network(weight: float) -> SequenceModel:
    """The same unit as a network of the engine, float64."""
    model = SequenceModel("elman", len(VOCABULARY), 1, len(VOCABULARY), nonlinearity="tanh", dtype=torch.float64)
    r = model.recurrent
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        r.get_parameter("weight_ih_l0").copy_(torch.tensor([INPUT_WEIGHTS], dtype=torch.float64))
        r.get_parameter("weight_hh_l0").fill_(weight)
        model.readout.get_parameter("weight").copy_(torch.tensor(OUTPUT_WEIGHTS, dtype=torch.float64)[:, None])
    return model


def sequence() -> tuple[Tensor, Tensor]:
    """One-hot inputs [time, 1, 4] and the indices of the right characters [time]."""
    codes = torch.tensor([VOCABULARY.index(c) for c in READS])
    inputs = torch.nn.functional.one_hot(codes, len(VOCABULARY)).double().unsqueeze(1)
    return inputs, torch.tensor([VOCABULARY.index(c) for c in SAYS])


def summed_loss(outputs: Tensor, counts: Steps) -> Tensor:
    """L = Σ_t c_t L_t, a scalar, of outputs [time, 1, 4]: the cross-entropies that count."""
    losses = torch.nn.functional.cross_entropy(outputs[:, 0], sequence()[1], reduction="none")
    return (losses * torch.from_numpy(counts)).sum()


def recorded(weight: float, counts: Steps) -> Trace:
    """The lab's own pass over the same sequence."""
    return record(network(weight), sequence()[0], lambda outputs: summed_loss(outputs, counts), path="reference")


def autograd_total(weight: float, counts: Steps) -> Steps:
    """dL/dh_t [time] by torch's autograd through the plain loop over time."""
    model, (inputs, _) = network(weight), sequence()
    cell = model.recurrent.cell(0)
    states = [cell.initial_state(1)]
    for x_t in inputs:
        states.append(cell.step(x_t, states[-1])[0])
    hidden = [state[0] for state in states[1:]]
    loss = summed_loss(model.readout(torch.stack(hidden)), counts)
    return torch.stack(torch.autograd.grad(loss, hidden)).flatten().numpy()


def gradient_of_output(weight: float, counts: Steps) -> Steps:
    """The gradient from `output.retain_grad()` [time] on torch.nn.RNN with the same weights."""
    model, (inputs, _) = network(weight), sequence()
    rnn = torch.nn.RNN(len(VOCABULARY), 1, dtype=torch.float64)
    rnn.load_state_dict(model.recurrent.state_dict())
    output, _ = rnn(inputs)
    output.retain_grad()
    summed_loss(model.readout(output), counts).backward()
    assert output.grad is not None
    return output.grad.flatten().numpy()
