"""A torch recurrent module rewritten as people do to see its gradients: a loop over cells with `retain_grad`."""

from dataclasses import dataclass

import torch
from oracles import oracle_step
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

KINDS = {nn.LSTM: "lstm", nn.GRU: "gru", nn.RNN: "elman"}


@dataclass
class Loops:
    output: Tensor
    """[time, batch, feature], zero in padding."""
    last: tuple[Tensor, ...]
    """h_n, c_n: [layer, batch, unit]."""
    states: dict[tuple[int, int, int], tuple[Tensor, ...]]
    """(layer · directions + direction, t, sample) → (h_t,) or (h_t, c_t), each [1, unit], with their `.grad`."""


def step(module: nn.RNNBase, suffix: str, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    w = {name: getattr(module, name + suffix, None) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    if getattr(module, "proj_size", 0):
        a = F.linear(x, w["weight_ih"], w["bias_ih"]) + F.linear(state[0], w["weight_hh"], w["bias_hh"])
        i, f, g, o = a.chunk(4, dim=-1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return (torch.sigmoid(o) * torch.tanh(c)) @ getattr(module, "weight_hr" + suffix).T, c
    options = {"nonlinearity": module.nonlinearity} if isinstance(module, nn.RNN) else {}
    kind = next(kind for torch_type, kind in KINDS.items() if isinstance(module, torch_type))
    return oracle_step(kind, options, tuple(w.values()), x, state)


def loop(
    module: nn.RNNBase, x: Tensor, start: tuple[Tensor, ...], lengths: list[int], packed: bool, ordered: bool
) -> Loops:
    """Every sequence on its own: x [time, batch, input], start [layer, batch, unit]."""
    D, (T, B, _) = 2 if module.bidirectional else 1, x.shape
    states, last, features = {}, {}, x
    for l in range(module.num_layers):
        rows = []
        for b, length in enumerate(lengths):
            sides = []
            for d in range(D):
                state = tuple(s[l * D + d, b : b + 1] for s in start)
                for t in reversed(range(length)) if d else range(length):
                    state = step(module, f"_l{l}" + "_reverse" * d, features[t, b : b + 1], state)
                    for s in state:
                        s.retain_grad()
                    states[l * D + d, t, b] = state
                last[l * D + d, b] = state
                sides.append(torch.cat([states[l * D + d, t, b][0] for t in range(length)]))
            rows.append(F.pad(torch.cat(sides, dim=-1), (0, 0, 0, T - length)))
        features = torch.stack(rows, dim=1)
        if l < module.num_layers - 1 and module.training and module.dropout:
            features = dropped(features, module.dropout, lengths, packed, ordered)
    count = module.num_layers * D
    ends = tuple(
        torch.stack([torch.cat([last[k, b][which] for b in range(B)]) for k in range(count)])
        for which in range(len(start))
    )
    return Loops(features, ends, states)


def dropped(x: Tensor, p: float, lengths: list[int], packed: bool, ordered: bool) -> Tensor:
    """Dropout as the fused module draws it: over the packed data where the input is packed."""
    if not packed:
        return F.dropout(x, p)
    data = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=ordered)
    return pad_packed_sequence(data._replace(data=F.dropout(data.data, p)), total_length=len(x))[0]
