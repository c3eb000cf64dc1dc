"""Small networks of torch's own modules, their inputs, and the explicit loops that they are held to."""

import torch
from explicit_loops import states_and_gradients
from torch import nn

from models.bptt.scaled import true_value

T, B = 6, 3


class Net(nn.Module):
    def __init__(self, recurrent):
        super().__init__()
        self.rnn = recurrent
        self.head = nn.Linear(recurrent.hidden_size, 1)

    def forward(self, x, hx=None):
        return self.head(self.rnn(x, hx)[0][-1])


class Unrolled(nn.Module):
    """A cell in a loop; the states are read once more at the end."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x, hx=None):
        states = []
        for x_t in x:
            hx = self.cell(x_t, hx)
            states.append(hx[0] if isinstance(hx, tuple) else hx)
        return torch.stack(states)


def inputs(seed=0, **options):
    return torch.randn(T, B, 3, generator=torch.Generator().manual_seed(seed), **options)


def assert_equal_to_loops(trace, calls):
    for which in range(len(trace.layers[0].after)):
        states, total = states_and_gradients(calls, 0, which)
        assert torch.allclose(trace.layers[0].after[which], states, rtol=0, atol=1e-11)
        assert torch.allclose(true_value(trace.layers[0].total[which]), total, rtol=0, atol=1e-11)


def assert_own_gradients(seen, module, name="", grads=None):
    """The traces' gradients of the weights, summed over the calls, are autograd's."""
    for weight, parameter in module.named_parameters():
        ours = sum(trace.parameter_grads[f"{name}.{weight}".lstrip(".")] for trace in seen.calls(name))
        true = parameter.grad if grads is None else grads[weight]
        assert torch.allclose(ours, true, rtol=1e-10, atol=1e-12), weight
