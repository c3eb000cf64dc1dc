"""Networks of torch's own modules, watched into a run folder."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader
from models import Trace, watch


class Translator(nn.Module):
    """An encoder in two directions whose states start a decoder of another width."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 4, num_layers=2, bidirectional=True, dropout=0.3)
        self.bridge = nn.Linear(8, 5)
        self.decoder = nn.GRU(2, 5)
        self.head = nn.Linear(5, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        _, (h, _) = self.encoder(x)
        out, _ = self.decoder(y, torch.tanh(self.bridge(torch.cat([h[-2], h[-1]], dim=-1)))[None])
        return self.head(out)


class Looped(nn.Module):
    """A cell in a loop."""

    def __init__(self, cell: nn.RNNCellBase) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        hx, states = None, []
        for x_t in x:
            hx = self.cell(x_t, hx)
            states.append(hx[0] if isinstance(hx, tuple) else hx)
        return torch.stack(states)


class Packed(nn.Module):
    """A module over packed sequences."""

    def __init__(self, recurrent: nn.RNNBase) -> None:
        super().__init__()
        self.rnn = recurrent

    def forward(self, x: Tensor, lengths: list[int]) -> Tensor:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        return self.rnn(packed)[0].data


def train_watched(
    network: nn.Module, losses: list[Callable[[], Tensor]], folder: Path, **options: object
) -> tuple[RunReader, list[dict[str, Trace]]]:
    """The run of one optimiser step per loss, and what was seen at each of them."""
    optimiser, traces = torch.optim.SGD(network.parameters(), 0.1), []
    with watch(network, run=folder, **options) as seen:
        for compute in losses:
            optimiser.zero_grad()
            loss = compute()
            loss.backward()
            traces.append({name: seen[name] for name in seen.names if name in seen})
            seen.log(loss=loss)
            optimiser.step()
    return open_run(folder), traces
