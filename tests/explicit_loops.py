"""A torch recurrent module rewritten as people do to see its gradients: a loop over cells with `retain_grad`."""

import copy
from dataclasses import dataclass

import torch
from oracles import oracle_step
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

KINDS = {nn.LSTM: "lstm", nn.GRU: "gru", nn.RNN: "elman"}


@dataclass
class Loops:
    output: Tensor
    """[time, batch, feature], zero in padding."""
    last: tuple[Tensor, ...]
    """h_n, c_n: [layer, batch, unit]."""
    states: dict[tuple[int, int, int], tuple[Tensor, ...]]
    """(layer · directions + direction, t, sample) → (h_t,) or (h_t, c_t), each [1, unit], with their `.grad`.

    A single cell has its whole batch under sample 0.
    """

    @property
    def rows(self) -> int:
        return 1 + max(b for _, _, b in self.states)


def step(module: nn.RNNBase, suffix: str, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    w = {name: getattr(module, name + suffix, None) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    if getattr(module, "proj_size", 0):
        a = functional.linear(x, w["weight_ih"], w["bias_ih"]) + functional.linear(
            state[0], w["weight_hh"], w["bias_hh"]
        )
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
            rows.append(functional.pad(torch.cat(sides, dim=-1), (0, 0, 0, T - length)))
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
        return functional.dropout(x, p)
    data = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=ordered)
    return pad_packed_sequence(data._replace(data=functional.dropout(data.data, p)), total_length=len(x))[0]


class Looped(nn.Module):
    """Takes the place of nn.RNN, LSTM or GRU inside somebody's network: the same weights, as an explicit loop."""

    def __init__(self, module: nn.RNNBase) -> None:
        super().__init__()
        self.module, self.calls = module, []

    def forward(self, inputs, hx=None):
        m, packed = self.module, isinstance(inputs, PackedSequence)
        x, lengths = pad_packed_sequence(inputs) if packed else (inputs, None)
        if not packed and m.batch_first:
            x = x.transpose(0, 1)
        T, B, _ = x.shape
        lengths = [T] * B if lengths is None else lengths.tolist()
        given = (hx,) if isinstance(hx, Tensor) else hx
        if given is None:
            count = m.num_layers * (2 if m.bidirectional else 1)
            given = tuple(x.new_zeros(count, B, m.hidden_size) for _ in range(2 if isinstance(m, nn.LSTM) else 1))
        ordered = packed and inputs.sorted_indices is None
        loops = loop(m, x, given, lengths, packed, ordered)
        self.calls.append(loops)
        out = loops.output
        if packed:
            out = pack_padded_sequence(out, torch.tensor(lengths), enforce_sorted=ordered)
        elif m.batch_first:
            out = out.transpose(0, 1)
        return out, loops.last if isinstance(m, nn.LSTM) else loops.last[0]


class LoopedCell(nn.Module):
    """Takes the place of RNNCell, LSTMCell or GRUCell: the same cell, with `retain_grad` on every state."""

    def __init__(self, module: nn.RNNCellBase) -> None:
        super().__init__()
        self.module, self.calls = module, []

    def forward(self, x, hx=None):
        state = self.module(x, hx)
        both = (state,) if isinstance(state, Tensor) else state
        for s in both:
            s.retain_grad()
        self.calls.append(Loops(both[0][None], tuple(s[None] for s in both), {(0, 0, 0): both}))
        return state


def with_loops(network: nn.Module) -> tuple[nn.Module, dict[str, Looped | LoopedCell]]:
    """A copy of a network whose recurrent modules are loops, and those by their names."""
    twin = copy.deepcopy(network)
    looped = {}
    for name, module in list(twin.named_modules()):
        if isinstance(module, nn.RNNBase | nn.RNNCellBase):
            parent, _, last = name.rpartition(".")
            looped[name] = Looped(module) if isinstance(module, nn.RNNBase) else LoopedCell(module)
            setattr(twin.get_submodule(parent), last, looped[name])
    return twin, looped


def states_and_gradients(calls: list[Loops], k: int, which: int) -> tuple[Tensor, Tensor]:
    """Of layer k: h_t (or c_t) and its total gradient over all calls, [time, batch, unit]; zero in padding."""
    values, grads = [], []
    for call in calls:
        for t in range(1 + max(t for of, t, _ in call.states)):
            row = [call.states.get((k, t, b)) for b in range(call.rows)]
            some = next(s[which] for s in row if s is not None)
            states = [torch.zeros_like(some) if s is None else s[which] for s in row]
            values.append(torch.cat([s.detach() for s in states]))
            grads.append(torch.cat([torch.zeros_like(s) if s.grad is None else s.grad for s in states]))
    return torch.stack(values), torch.stack(grads)
