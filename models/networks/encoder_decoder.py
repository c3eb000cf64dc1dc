"""An encoder reads a source; a decoder, started from the encoder's last state, gives a target word by word."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.bptt.engine import Engine
from models.bptt.fed_stack import backward_fed, forward_fed
from models.bptt.lognorm import log_norm_of_all
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import backward_stack, forward_stack
from models.bptt.start_link import crossing, last_state
from models.cells.cell import State
from models.networks.attention import ATTENTIONS, Attention, BahdanauAttention, Padding, States, Weights
from models.networks.bahdanau_feed import BahdanauFeed
from models.networks.initialise import uniform_
from models.networks.network import Given, Grads, Network, NextWord, Passed, differentiate
from models.networks.recurrent import Recurrent, unroll
from models.recording.layer_record import LayerStates, padding
from models.recording.trace import Stack


@dataclass(frozen=True, eq=False)
class Read:
    """The encoder's states after reading the sources."""

    states: States
    """All states of the top layer."""
    last: list[State]
    """The last state of every layer, which is the decoder's start."""


class EncoderDecoder(Network):
    """Two stacks of the same cell and size (Sutskever et al. 2014), with or without attention.

    The inputs are the source, then the words that the decoder reads: in training the target, one step late (teacher
    forcing). There is one output per word.

    Args:
        cell: see `SequenceModel`.
        input_size: of the source's symbols and of the words alike.
        hidden_size: units of each layer.
        output_size: numbers in an output.
        num_layers: of each of the two.
        attention: None, `dot` (the output reads a context) or `bahdanau` (the step reads it).
        generator: where the initial weights come from; torch's global generator if left out.
        dtype: what the weights are rounded to.

    Raises:
        ValueError: an unknown cell, attention or option, or a size below 1.

    Example:
        >>> import torch
        >>> from models import EncoderDecoder, record
        >>> model = EncoderDecoder("gru", input_size=3, hidden_size=4, output_size=2, attention="dot")
        >>> trace = record(model, torch.rand(9, 2, 3), lambda outputs: outputs.sum(), source=5)
        >>> {name: stack.top.seq_len for name, stack in trace.stacks.items()}, tuple(trace.attention.shape)
        ({'encoder': 5, 'decoder': 4}, (4, 2, 5))
    """

    encoder: Recurrent
    decoder: Recurrent
    attention: Attention | None
    takes: ClassVar[tuple[str, ...]] = ("attention",)
    needs_source: ClassVar[bool] = True

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int = 1,
        *,
        attention: str | None = None,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        **options: object,
    ) -> None:
        super().__init__()
        if attention is not None and attention not in ATTENTIONS:
            raise ValueError(f"attention was {attention!r}; it must be one of {', '.join(ATTENTIONS)}, or None.")
        if output_size < 1:
            raise ValueError(f"output_size was {output_size}; it must be a whole number of at least 1.")
        self.input_size, self.output_size = input_size, output_size
        H = hidden_size
        feeds = attention is not None and ATTENTIONS[attention].feeds
        self.encoder, self.decoder = (
            Recurrent(cell, size, H, num_layers, False, generator=generator, dtype=dtype, **options)
            for size in (input_size, input_size + H if feeds else input_size)
        )
        self.attention = None if attention is None else ATTENTIONS[attention](H, generator, dtype)
        features = 2 * H if self.attention is not None and not feeds else H
        self.readout = nn.Linear(features, output_size, dtype=dtype)
        uniform_(self.readout, features, generator)

    @property
    def stacks(self) -> dict[str, Recurrent]:
        """The encoder, then the decoder."""
        return {"encoder": self.encoder, "decoder": self.decoder}

    def parts(self, seq_len: int, source: int | None) -> tuple[int, ...]:
        """The source, then the target."""
        if source is None or not 1 <= source < seq_len:
            raise ValueError(
                f"source was {source}; an encoder-decoder reads 1 to {seq_len - 1} of {seq_len} timesteps as source."
            )
        return source, seq_len - source

    def forward(
        self, inputs: Float[Tensor, "time batch input"], source: int | None = None
    ) -> Float[Tensor, "target batch output"]:
        """The outputs with the words that are given, by the plain loop over time."""
        S, _ = self.parts(len(inputs), source)
        memory = self.encode(inputs[:S])
        state, outputs = memory.last, []
        for word in inputs[S:]:
            state, output = self.say(word, state, memory)
            outputs.append(output)
        return torch.stack(outputs)

    def own_words(
        self, inputs: Float[Tensor, "time batch input"], source: int | None, next_word: NextWord
    ) -> Float[Tensor, "target batch output"]:
        """The outputs if the network reads its own previous answer as each word, except the first."""
        S, T = self.parts(len(inputs), source)
        memory = self.encode(inputs[:S])
        state, word, outputs = memory.last, inputs[S], []
        for _ in range(T):
            state, output = self.say(word, state, memory)
            outputs.append(output)
            word = next_word(output)
        return torch.stack(outputs)

    def encode(self, source: Float[Tensor, "source batch input"]) -> Read:
        """Read sources of one length with the encoder."""
        features, last = source, []
        for cell in self.encoder.cells:
            states, _ = unroll(cell, features, reverse=False)
            features = states[0]
            last.append(tuple(s[-1] for s in states))
        return Read(features, last)

    def say(self, word: Float[Tensor, "batch input"], state: list[State], memory: Read) -> tuple[list[State], Tensor]:
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

    def run(self, engine: Engine, given: Given) -> Passed:
        """One pass: the encoder, the decoder from its last state, the outputs, and the same way back."""
        if given.truncate is not None:
            raise ValueError("truncate cuts one sequence into blocks; an encoder-decoder has two, so it must be None.")
        S, _ = self.parts(len(given.inputs), given.source)
        lengths, target_lengths = (None, None) if given.lengths is None else given.lengths
        pad = None if lengths is None else padding(S, lengths)
        words = given.inputs[S:]

        encoder = forward_stack(engine, self.encoder.cells, 1, given.inputs[:S], given.start, lengths)
        states, last = encoder[-1].hidden, [last_state(layer) for layer in encoder]
        feed = BahdanauFeed(self.attention, states, pad) if isinstance(self.attention, BahdanauAttention) else None
        if feed is None:
            decoder = forward_stack(engine, self.decoder.cells, 1, words, last, target_lengths)
        else:
            decoder = forward_fed(engine, self.decoder.cells, words, last, feed, target_lengths)

        glue = differentiate(
            lambda weights, leaves: functional.linear(self.features(leaves[0], leaves[1], pad), *weights.values()),
            dict(self.readout.named_parameters()),
            [decoder[-1].hidden, states],
            given.loss,
        )
        to_decoder, to_encoder = glue.of_states
        grads: Grads = {f"readout.{name}": (grad, log_norm_of_all(grad)) for name, grad in glue.of_weights.items()}

        by_attention = Scaled.of(to_encoder)
        if feed is None:
            direct = [*[None] * (len(decoder) - 1), Scaled.of(to_decoder)]
            of_decoder = backward_stack(engine, decoder, 1, direct)
        else:
            of_decoder = backward_fed(engine, decoder, to_decoder, feed)
            by_attention = by_attention.plus(feed.to_memory())
            grads |= {f"attention.{name}": grad for name, grad in feed.parameter_grads().items()}
        to_last = [layer.grad_start for layer in of_decoder.stack.layers]
        of_encoder = backward_stack(engine, encoder, 1, crossing(encoder, to_last, by_attention))
        return Passed(
            stacks={"encoder": of_encoder, "decoder": of_decoder},
            outputs=glue.outputs,
            loss=glue.loss,
            grads=grads,
            attention=self.looks(decoder[-1], encoder[-1]) if feed is None else torch.stack(feed.weights),
        )

    def answer(self, stacks: Mapping[str, Stack]) -> tuple[Float[Tensor, "target batch output"], Tensor | None]:
        """From the decoder's h_t and what it reads of the encoder's."""
        encoder, decoder = stacks["encoder"].top, stacks["decoder"].top
        outputs: Tensor = self.readout(self.features(decoder.hidden, encoder.hidden, encoder.padding))
        return outputs, self.looks(decoder, encoder)

    def inputs_of(self, stacks: Mapping[str, Stack]) -> Float[Tensor, "time batch input"]:
        """The source, then the words, without the context beside them."""
        source, fed = (stacks[name].layers[0].inputs for name in ("encoder", "decoder"))
        return torch.cat([source, fed[..., : self.input_size]])

    def features(self, hidden: Tensor, states: States, padding: Padding) -> Tensor:
        """The inputs of the readout: the decoder's h_t, and its context if there is one."""
        if self.attention is None or self.attention.feeds:
            return hidden
        return torch.cat([hidden, self.attention(hidden, states, padding)[0]], dim=-1)

    def looks(self, decoder: LayerStates, encoder: LayerStates) -> Weights | None:
        """The attention weights α of the decoder over the source, from the top layers' states."""
        if self.attention is None:
            return None
        queries = decoder.before[0] if self.attention.feeds else decoder.hidden
        _, weights = self.attention(queries, encoder.hidden, encoder.padding)
        return weights
