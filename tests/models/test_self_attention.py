"""Self-attention against its equations, one sequence, timestep and unit of the softmax at a time."""

import math

import torch

from models.networks.self_attention import SelfAttention, positions

T, B, I, H, O = 5, 2, 3, 4, 2


def make():
    return SelfAttention(I, H, O, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_outputs_and_input_gradients_equal_the_equations_written_out():
    model = make()
    inputs = torch.randn(T, B, I, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    p = dict(model.named_parameters())
    outputs = []
    for b in range(B):
        z = [
            p["embed.weight"] @ inputs[t, b] + p["embed.bias"]
            + torch.tensor(
                [(math.sin, math.cos)[k % 2](t / 10_000 ** (2 * (k // 2) / H)) for k in range(H)], dtype=torch.float64
            )
            for t in range(T)
        ]  # fmt: skip
        said = []
        for t in range(T):
            scores = [(p["query.weight"] @ z[t]) @ (p["key.weight"] @ z[k]) / math.sqrt(H) for k in range(t + 1)]
            total = sum(torch.exp(s) for s in scores)
            read = sum(torch.exp(s) / total * (p["value.weight"] @ z[k]) for k, s in enumerate(scores))
            said.append(p["readout.weight"] @ (z[t] + read) + p["readout.bias"])
        outputs.append(torch.stack(said))
    wanted = torch.stack(outputs, dim=1)
    (grad,) = torch.autograd.grad(torch.sin(wanted).sum(), inputs)

    again = inputs.detach().requires_grad_()
    assert torch.allclose(model(again), wanted, rtol=0, atol=1e-12)
    (mine,) = torch.autograd.grad(torch.sin(model(again)).sum(), again)
    assert torch.allclose(mine, grad, rtol=1e-10, atol=1e-13)


def test_no_output_reads_a_later_input():
    model, inputs = make(), torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(model(inputs)[2].sum(), inputs)
    assert bool((grad[3:] == 0).all())
    assert bool((grad[:3] != 0).any(dim=-1).all())


def test_positions_are_sines_and_cosines():
    assert positions(3, 2)[2].tolist() == [math.sin(2), math.cos(2)]
