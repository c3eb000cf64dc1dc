"""One to many: a picture is read at once, and a decoder describes it word by word."""

from collections.abc import Mapping
from math import isqrt
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from models.bptt.engine import Engine
from models.bptt.scaled import Scaled
from models.bptt.summed import all_on_one_scale, scaled_grad
from models.cells.cell import State
from models.networks.decoder import DecoderNetwork, Memory
from models.networks.network import Given, Grads, Passed
from models.networks.picture_reader import PictureReader
from models.networks.recurrent import Recurrent
from models.recording.trace import Stack

FEATURES = ("start", "first_input")


class OneToMany(DecoderNetwork):
    """A small convolutional network, then a decoder (Vinyals et al. 2015; with attention, Xu et al. 2015).

    The inputs are the places of a picture, row by row, then the words that the decoder reads, in the first channels;
    there is one output per word. Both networks are trained together.

    Args:
        cell: see `SequenceModel`.
        input_size: numbers in a place, see `PictureReader`, and of the words alike.
        hidden_size: units of each layer, and of each place's state.
        output_size: numbers in an output.
        num_layers: of the decoder.
        attention: over the picture's places: None, `dot` (the output reads a context) or `bahdanau` (the step reads
            it).
        features: the picture's features are the decoder's `start` state, s_0 = W f + c, or are added to its
            `first_input`, x_1 = word_1 + W f + c.
        generator: where the initial weights come from; torch's global generator if left out.
        dtype: what the weights are rounded to.

    Raises:
        ValueError: an unknown cell, attention, option or place of features, or a size that is not allowed.

    Example:
        >>> import torch
        >>> from models import OneToMany, record
        >>> model = OneToMany("gru", input_size=12, hidden_size=4, output_size=2, attention="dot")
        >>> trace = record(model, torch.rand(9 + 5, 2, 12), lambda outputs: outputs.sum(), source=9)
        >>> trace.seq_len, tuple(trace.attention.shape), tuple(trace.parameter_grads["reader.edges.weight"].shape)
        (5, (5, 2, 9), (16, 3, 3, 3))
    """

    reader: PictureReader
    takes: ClassVar[tuple[str, ...]] = ("attention", "features")
    needs_source: ClassVar[bool] = True
    needs_picture: ClassVar[bool] = True

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int = 1,
        *,
        attention: str | None = None,
        features: str = "start",
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        **options: object,
    ) -> None:
        super().__init__()
        if features not in FEATURES:
            raise ValueError(f"features was {features!r}; it must be one of {', '.join(FEATURES)}.")
        self.starts = features == "start"
        self.add_decoder(cell, input_size, hidden_size, output_size, num_layers, attention, generator, dtype, options)
        states = num_layers * len(self.decoder.cell_type.state_names)
        feature_count = states * hidden_size if self.starts else input_size
        self.reader = PictureReader(input_size, hidden_size, feature_count, generator, dtype)

    @property
    def stacks(self) -> dict[str, Recurrent]:
        """The decoder: the picture is read by no recurrent stack."""
        return {"decoder": self.decoder}

    def parts(self, seq_len: int, source: int | None) -> tuple[int, ...]:
        """The words."""
        if source is None or not 1 <= source < seq_len or isqrt(source) ** 2 != source:
            raise ValueError(
                f"source was {source}; it must be the number of places of a picture of n × n places, such as 9, below "
                f"the {seq_len} timesteps."
            )
        return (seq_len - source,)

    def read(
        self, inputs: Float[Tensor, "time batch input"], source: int | None
    ) -> tuple[Memory, Float[Tensor, "target batch input"]]:
        """The picture's places and features, and the words."""
        (T,) = self.parts(len(inputs), source)
        places, features = self.reader(inputs[:-T])
        return self.place_features(places, features, inputs[-T:])

    def place_features(
        self, places: Tensor, features: Float[Tensor, "batch feature"], words: Float[Tensor, "target batch input"]
    ) -> tuple[Memory, Float[Tensor, "target batch input"]]:
        """Where the features go: into the start state, or to the first word."""
        if not self.starts:
            zero = [cell.initial_state(len(features)) for cell in self.decoder.cells]
            return Memory(places, zero), torch.cat([words[:1] + features, words[1:]])
        count = len(self.decoder.cell_type.state_names)
        parts = features.split(self.decoder.hidden_size, dim=-1)
        start: list[State] = [tuple(parts[k : k + count]) for k in range(0, len(parts), count)]
        return Memory(places, start), words

    def run(self, engine: Engine, given: Given) -> Passed:
        """One pass: the picture, the decoder, and back through the start state or first input, and the attention."""
        if given.truncate is not None:
            raise ValueError("truncate would cut the decoder off from its picture, so it must be None.")
        if given.start is not None:
            raise ValueError("start was given, and the decoder starts from its picture; leave start out.")
        (T,) = self.parts(len(given.inputs), given.source)
        weights = {name: p.detach().requires_grad_() for name, p in self.reader.named_parameters()}
        with torch.enable_grad():
            picture = given.inputs[:-T].detach().requires_grad_()
            places, features = functional_call(self.reader, weights, (picture,))
        memory, words = self.place_features(places.detach(), features.detach(), given.inputs[-T:])
        decoded = self.decode(engine, words, memory, given.loss, given.lengths)

        layers = decoded.result.stack.layers
        if self.starts:
            sent = [part for layer in layers for part in layer.grad_start]
        else:
            first = layers[0].grad_inputs[0]  # beside the word stands the context, where a step reads one
            sent = [Scaled((first.parts[0][..., : self.input_size],), first.exponent)]
        (to_places, *to_features), power = all_on_one_scale([decoded.to_states, *sent])
        back = [to_places.to(places.dtype), torch.cat(to_features, dim=-1).to(places.dtype)]
        to_picture, *grads = torch.autograd.grad([places, features], [picture, *weights.values()], back)
        of_reader: Grads = {
            f"reader.{name}": scaled_grad(grad, power) for name, grad in zip(weights, grads, strict=True)
        }
        return Passed(
            stacks={"decoder": decoded.result},
            outputs=decoded.outputs,
            loss=decoded.loss,
            grads=decoded.grads | of_reader,
            attention=decoded.attention,
            grad_picture=Scaled((to_picture,), torch.full(to_picture.shape[:2], power, device=to_picture.device)),
        )

    def answer(
        self, stacks: Mapping[str, Stack], inputs: Float[Tensor, "time batch input"]
    ) -> tuple[Float[Tensor, "target batch output"], Tensor | None]:
        """From the decoder's h_t and what it reads of the picture's places."""
        decoder = stacks["decoder"].top
        places, _ = self.reader(inputs[: -decoder.seq_len])
        outputs: Tensor = self.readout(self.features(decoder.hidden, places, None))
        return outputs, self.looks(decoder, places, None)
