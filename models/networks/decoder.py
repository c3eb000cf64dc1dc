"""The decoder of a network that says words one by one, after it has read a text or a picture."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.bptt.engine import Engine
from models.bptt.fed_stack import backward_fed, forward_fed
from models.bptt.lognorm import log_norm_of_all
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import StackBackward, backward_stack, forward_stack
from models.cells.cell import State
from models.networks.attention import ATTENTIONS, Attention, BahdanauAttention, Padding, States, Weights
from models.networks.bahdanau_feed import BahdanauFeed
from models.networks.initialise import uniform_
from models.networks.network import Grads, Loss, Network, NextWord, differentiate
from models.networks.recurrent import Recurrent
from models.recording.layer_record import LayerStates


@dataclass(frozen=True, eq=False)
class Memory:
    """What was read before the first word."""

    states: States
    """What an attention reads: a state for each word of a text, or for each place of a picture."""
    start: list[State]
    """The start state of every layer of the decoder."""
    padding: Padding = None
    """Which of the states are padding; None for none."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """One pass of the decoder forwards and backwards."""

    result: StackBackward
    outputs: Float[Tensor, "target batch output"]
    loss: Float[Tensor, ""]
    grads: Grads
    """Of the readout's and the attention's weights."""
    to_states: Scaled
    """What the attention sends back to `Memory.states`."""
    attention: Weights | None


class DecoderNetwork(Network):
    """A decoder with or without attention, and a linear readout, after a reader that other classes define."""

    decoder: Recurrent
    attention: Attention | None
    readout: nn.Linear

    def add_decoder(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int,
        attention: str | None,
        generator: torch.Generator | None,
        dtype: torch.dtype | None,
        options: Mapping[str, object],
    ) -> None:
        """Make the decoder, its attention and its readout.

        Raises:
            ValueError: an unknown cell, attention or option, or a size below 1.
        """
        if attention is not None and attention not in ATTENTIONS:
            raise ValueError(f"attention was {attention!r}; it must be one of {', '.join(ATTENTIONS)}, or None.")
        if output_size < 1:
            raise ValueError(f"output_size was {output_size}; it must be a whole number of at least 1.")
        self.input_size, self.output_size = input_size, output_size
        H = hidden_size
        feeds = attention is not None and ATTENTIONS[attention].feeds
        size = input_size + H if feeds else input_size
        self.decoder = Recurrent(cell, size, H, num_layers, False, generator=generator, dtype=dtype, **options)
        self.attention = None if attention is None else ATTENTIONS[attention](H, generator, dtype)
        features = 2 * H if self.attention is not None and not feeds else H
        self.readout = nn.Linear(features, output_size, dtype=dtype)
        uniform_(self.readout, features, generator)

    @abstractmethod
    def read(
        self, inputs: Float[Tensor, "time batch input"], source: int | None
    ) -> tuple[Memory, Float[Tensor, "target batch input"]]:
        """What is remembered of the source, and the words; by plain torch that autograd can differentiate."""

    def forward(
        self, inputs: Float[Tensor, "time batch input"], source: int | None = None
    ) -> Float[Tensor, "target batch output"]:
        """The outputs with the words that are given, by the plain loop over time."""
        memory, words = self.read(inputs, source)
        state, outputs = memory.start, []
        for word in words:
            state, output = self.say(word, state, memory)
            outputs.append(output)
        return torch.stack(outputs)

    def own_words(
        self, inputs: Float[Tensor, "time batch input"], source: int | None, next_word: NextWord
    ) -> Float[Tensor, "target batch output"]:
        """The outputs if the network reads its own previous answer as each word, except the first."""
        memory, words = self.read(inputs, source)
        state, word, outputs = memory.start, words[0], []
        for _ in range(len(words)):
            state, output = self.say(word, state, memory)
            outputs.append(output)
            word = next_word(output)
        return torch.stack(outputs)

    def say(self, word: Float[Tensor, "batch input"], state: list[State], memory: Memory) -> tuple[list[State], Tensor]:
        """One step of the decoder: its next state and its output."""
        attention, features = self.attention, word
        if attention is not None and attention.feeds:
            context, _ = attention(state[-1][0][None], memory.states)
            features = torch.cat([word, context[0]], dim=-1)
        after: list[State] = []
        for cell, before in zip(self.decoder.cells, state, strict=True):
            now, _ = cell.step(features, before)
            after.append(now)
            features = now[0]
        if attention is not None and not attention.feeds:
            context, _ = attention(features[None], memory.states)
            features = torch.cat([features, context[0]], dim=-1)
        output: Tensor = self.readout(features)
        return after, output

    def decode(
        self,
        engine: Engine,
        words: Float[Tensor, "target batch input"],
        memory: Memory,
        loss: Loss,
        lengths: Tensor | None,
    ) -> Decoded:
        """One pass of the decoder: its states, the outputs, the loss, and the way back to what was read.

        Raises:
            ValueError: the loss is not a real scalar tensor.
        """
        states, pad = memory.states, memory.padding
        feed = BahdanauFeed(self.attention, states, pad) if isinstance(self.attention, BahdanauAttention) else None
        if feed is None:
            decoder = forward_stack(engine, self.decoder.cells, 1, words, memory.start, lengths)
        else:
            decoder = forward_fed(engine, self.decoder.cells, words, memory.start, feed, lengths)

        glue = differentiate(
            lambda weights, leaves: functional.linear(self.features(leaves[0], leaves[1], pad), *weights.values()),
            dict(self.readout.named_parameters()),
            [decoder[-1].hidden, states],
            loss,
        )
        to_decoder, to_states = glue.of_states
        grads: Grads = {f"readout.{name}": (grad, log_norm_of_all(grad)) for name, grad in glue.of_weights.items()}

        by_attention = Scaled.of(to_states)
        if feed is None:
            direct = [*[None] * (len(decoder) - 1), Scaled.of(to_decoder)]
            result = backward_stack(engine, decoder, 1, direct)
        else:
            result = backward_fed(engine, decoder, to_decoder, feed)
            by_attention = by_attention.plus(feed.to_memory())
            grads |= {f"attention.{name}": grad for name, grad in feed.parameter_grads().items()}
        looks = self.looks(decoder[-1], states, pad) if feed is None else torch.stack(feed.weights)
        return Decoded(result, glue.outputs, glue.loss, grads, by_attention, looks)

    def features(self, hidden: Tensor, states: States, padding: Padding) -> Tensor:
        """The inputs of the readout: the decoder's h_t, and its context if there is one."""
        if self.attention is None or self.attention.feeds:
            return hidden
        return torch.cat([hidden, self.attention(hidden, states, padding)[0]], dim=-1)

    def looks(self, decoder: LayerStates, states: States, padding: Padding) -> Weights | None:
        """The attention weights α of the decoder's top layer over what it reads."""
        if self.attention is None:
            return None
        queries = decoder.before[0] if self.attention.feeds else decoder.hidden
        _, weights = self.attention(queries, states, padding)
        return weights
