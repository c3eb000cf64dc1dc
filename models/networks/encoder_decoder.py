"""An encoder reads a source. A decoder starts from the encoder's last state and gives a target word by word."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.engine import Engine
from models.bptt.lengths import padding
from models.bptt.stack_pass import backward_stack, forward_stack
from models.bptt.start_link import crossing, last_state
from models.networks.decoder import DecoderNetwork, Memory
from models.networks.network import Given, Passed
from models.networks.recurrent import Recurrent, unroll
from models.recording.trace import Stack


class EncoderDecoder(DecoderNetwork):
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
        I, H, L = input_size, hidden_size, num_layers
        self.encoder = Recurrent(cell, I, H, L, False, generator=generator, dtype=dtype, **options)
        self.add_decoder(cell, I, H, output_size, L, attention, generator, dtype, options)

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

    def read(
        self, inputs: Float[Tensor, "time batch input"], source: int | None
    ) -> tuple[Memory, Float[Tensor, "target batch input"]]:
        """The encoder's states after sources of one length: all of the top layer, and the last of every layer."""
        S, _ = self.parts(len(inputs), source)
        features, last = inputs[:S], []
        for cell in self.encoder.cells:
            states, _ = unroll(cell, features, reverse=False)
            features = states[0]
            last.append(tuple(s[-1] for s in states))
        return Memory(features, last), inputs[S:]

    def run(self, engine: Engine, given: Given) -> Passed:
        """One pass: the encoder, the decoder from its last state, the outputs, and the same way back."""
        if given.truncate is not None:
            raise ValueError("truncate cuts one sequence into blocks; an encoder-decoder has two, so it must be None.")
        S, _ = self.parts(len(given.inputs), given.source)
        lengths, target_lengths = (None, None) if given.lengths is None else given.lengths
        encoder = forward_stack(engine, self.encoder.cells, 1, given.inputs[:S], given.start, lengths)
        pad = None if lengths is None else padding(S, lengths)
        memory = Memory(encoder[-1].hidden, [last_state(layer) for layer in encoder], pad)
        decoded = self.decode(engine, given.inputs[S:], memory, given.loss, target_lengths)
        to_last = [layer.grad_start for layer in decoded.result.stack.layers]
        of_encoder = backward_stack(engine, encoder, 1, crossing(encoder, to_last, decoded.to_states))
        return Passed(
            stacks={"encoder": of_encoder, "decoder": decoded.result},
            outputs=decoded.outputs,
            loss=decoded.loss,
            grads=decoded.grads,
            attention=decoded.attention,
        )

    def answer(
        self, stacks: Mapping[str, Stack], inputs: Float[Tensor, "time batch input"]
    ) -> tuple[Float[Tensor, "target batch output"], Tensor | None]:
        """From the decoder's h_t and what it reads of the encoder's."""
        encoder, decoder = stacks["encoder"].top, stacks["decoder"].top
        outputs: Tensor = self.readout(self.features(decoder.hidden, encoder.hidden, encoder.padding))
        return outputs, self.looks(decoder, encoder.hidden, encoder.padding)

    def inputs_of(self, stacks: Mapping[str, Stack]) -> Float[Tensor, "time batch input"]:
        """The source, then the words, without the context beside them."""
        source, fed = (stacks[name].layers[0].inputs for name in ("encoder", "decoder"))
        return torch.cat([source, fed[..., : self.input_size]])
