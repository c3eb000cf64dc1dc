"""The cost of recording networks with a decoder, beside the same networks in plain torch with fused layers.

python -m experiments benchmark networks
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional

from experiments.benchmarks.steps import every_step_loss, timed
from experiments.commands.terminal import output
from models import EncoderDecoder, OneToMany, record
from models.bptt.threads import use_one_thread
from models.networks.picture_reader import PictureReader
from models.networks.registry import NETWORKS

CELLS = ("gru", "lstm")
ATTENTIONS = (None, "dot", "bahdanau")
SIZES = {
    "encoder_decoder": ((20, 32, 64), (50, 32, 64), (50, 32, 128)),
    "one_to_many": ((18, 20, 64), (18, 20, 128)),
}
"""Network → timesteps of the target, and as many of the source that is no picture; batch size; hidden size."""
SYMBOLS = 9
PLACES, PIXELS = 9, 300
"""Of a picture, and of each of its places."""
ROUNDS = 9
MOST = 2.0
"""Largest allowed geometric mean."""


class PlainTwin(nn.Module):
    """The same network as people write it: fused layers, and a loop only where the attention feeds the step."""

    def __init__(self, model: EncoderDecoder | OneToMany) -> None:
        super().__init__()
        layers = {"gru": nn.GRU, "lstm": nn.LSTM}[model.decoder.cell_name]
        H = model.decoder.hidden_size
        self.decoder = layers(model.decoder.input_size, H)
        self.decoder.load_state_dict(model.decoder.state_dict())
        self.attention, self.readout = model.attention, model.readout
        if isinstance(model, EncoderDecoder):
            self.encoder = layers(SYMBOLS, H)
            self.encoder.load_state_dict(model.encoder.state_dict())
        else:
            self.encoder = model.reader

    def read(self, source: Tensor) -> tuple[Tensor, Tensor | tuple[Tensor, ...]]:
        """What the attention reads, and the decoder's start."""
        states, last = self.encoder(source)
        if isinstance(self.encoder, PictureReader):
            parts = last[None].split(self.decoder.hidden_size, dim=-1)
            last = tuple(part.contiguous() for part in parts) if len(parts) > 1 else parts[0].contiguous()
        return states, last

    def forward(self, source: Tensor, words: Tensor) -> Tensor:
        """The outputs with the words that are given."""
        states, last = self.read(source)
        if self.attention is None or not self.attention.feeds:
            hidden, _ = self.decoder(words, last)
            features = [hidden]
            if self.attention is not None:
                memory = states.transpose(0, 1)
                weights = torch.softmax(hidden.transpose(0, 1) @ memory.transpose(1, 2), dim=-1)
                features.append((weights @ memory).transpose(0, 1))
            return self.read_out(torch.cat(features, dim=-1))
        p = dict(self.attention.named_parameters())
        memory = states.transpose(0, 1)
        keys = functional.linear(memory, p["key.weight"], p["key.bias"])
        state, said = last, []
        for word in words:
            query = state[0] if isinstance(state, tuple) else state
            scores = torch.tanh(functional.linear(query[-1], p["query.weight"])[:, None] + keys) @ p["score.weight"].T
            context = (torch.softmax(scores, dim=1) * memory).sum(1)
            hidden, state = self.decoder(torch.cat([word, context], dim=-1)[None], state)
            said.append(hidden)
        return self.read_out(torch.cat(said))

    def read_out(self, features: Tensor) -> Tensor:
        """The outputs."""
        return functional.linear(features, self.readout.weight, self.readout.bias)


@dataclass(frozen=True)
class NetworkCost:
    """One network at one size."""

    network: str
    cell: str
    attention: str | None
    size: tuple[int, int, int]
    milliseconds: float
    """Milliseconds of the plain network's forward and backward pass."""
    ratio: float
    """A recorded pass ÷ a plain one: the median of neighbours in time."""


def steps_of(
    network: str, cell: str, attention: str | None, size: tuple[int, int, int]
) -> tuple[Callable[[], object], Callable[[], object]]:
    """A forward and backward pass of the plain network, and a recorded one of ours."""
    T, B, H = size
    generator = torch.Generator().manual_seed(0)
    kind = NETWORKS[network]
    reads = PIXELS if kind.needs_picture else SYMBOLS
    source = PLACES if kind.needs_picture else T
    model = kind(cell, reads, H, SYMBOLS, attention=attention, generator=generator)
    assert isinstance(model, EncoderDecoder | OneToMany)
    inputs = torch.randn(source + T, B, reads, generator=generator)
    twin = PlainTwin(model)
    parameters = list(twin.parameters())

    def plain() -> object:
        return torch.autograd.grad(every_step_loss(twin(inputs[:source], inputs[source:])), parameters)

    return plain, lambda: record(model, inputs, every_step_loss, source=source, path="fast")


def cost(network: str, cell: str, attention: str | None, size: tuple[int, int, int], rounds: int) -> NetworkCost:
    """Measure one network at one size."""
    plain, recorded = steps_of(network, cell, attention, size)
    plain(), recorded()
    seconds = [(timed(plain), timed(recorded)) for _ in range(rounds)]
    ratio = statistics.median(ours / theirs for theirs, ours in seconds)
    return NetworkCost(network, cell, attention, size, 1e3 * statistics.median(theirs for theirs, _ in seconds), ratio)


def main(quick: bool = False) -> None:
    """Measure each network, and print a table. `quick` takes the smallest size and fewer rounds."""
    use_one_thread()
    rounds = 5 if quick else ROUNDS
    costs = [
        cost(network, cell, how, size, rounds)
        for network, sizes in SIZES.items()
        for how in ATTENTIONS
        for cell in CELLS
        for size in (sizes[:1] if quick else sizes)
    ]
    output().print(cost_table(costs))
    for network in SIZES:
        for how in ATTENTIONS:
            ratios = [c.ratio for c in costs if (c.network, c.attention) == (network, how)]
            mean = math.exp(statistics.fmean(map(math.log, ratios)))
            words = f"{network}, attention {how or 'none'}: {mean:.2f} × (geometric mean; at most {MOST:g})."
            output().print(words)


def cost_table(costs: list[NetworkCost]) -> Table:
    """One row per network and size."""
    table = Table(title="A recorded network ÷ plain torch, forward and backward, one thread")
    for name in ("network", "attention", "cell", "T/B/H", "ms", "recorded"):
        table.add_column(name, justify="right" if name in ("ms", "recorded") else "left", no_wrap=True)
    for c in costs:
        size = "/".join(str(n) for n in c.size)
        table.add_row(c.network, c.attention or "none", c.cell, size, f"{c.milliseconds:.1f}", f"{c.ratio:.2f}")
    return table
