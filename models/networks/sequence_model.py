"""One recurrent stack over a sequence, and a head that reads its top layer."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from models.bptt.engine import Engine
from models.bptt.lognorm import log_norm_of_all
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import backward_stack, forward_stack, side_by_side
from models.networks.heads import Head, make_head
from models.networks.network import Given, Network, NextWord, Passed, differentiate
from models.networks.recurrent import Recurrent, unroll
from models.recording.trace import Stack


class SequenceModel(Network):
    """A recurrent network and a head that reads its top layer.

    Args:
        cell: `elman` and `indrnn` (with `nonlinearity=` tanh, relu, identity or sigmoid), `lstm`, `lstm_1997`,
            `peephole_lstm`, `gru` (with `reset_after=`), `mingru`, `mut1`, `mut2` or `mut3`. MUT1 and MUT2 hand x on as
            it is where input_size is hidden_size, and by a learned projection elsewhere.
        head: `linear` at every timestep; `dense`, with a layer of `dense_size` units between; `attention` and `mean`,
            which read all h_t for one answer, the same at every timestep.
        generator: where the initial weights come from; torch's global generator if left out.
        dtype: what the weights are rounded to; they are drawn in float64, the same for every dtype.

    Raises:
        ValueError: an unknown cell, head or option, or a size below 1.
    """

    recurrent: Recurrent
    readout: Head
    takes: ClassVar[tuple[str, ...]] = ("head", "dense_size", "bidirectional", "truncate")

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        *,
        head: str = "linear",
        dense_size: int | None = None,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        **options: object,
    ) -> None:
        super().__init__()
        if output_size < 1:
            raise ValueError(f"output_size was {output_size}; it must be a whole number of at least 1.")
        self.input_size, self.output_size = input_size, output_size
        self.recurrent = Recurrent(
            cell,
            input_size,
            hidden_size,
            num_layers,
            bidirectional,
            generator=generator,
            dtype=dtype,
            **options,
        )
        features = hidden_size * self.recurrent.num_directions
        self.readout = make_head(head, features, output_size, dense_size, generator, dtype)

    @property
    def stacks(self) -> dict[str, Recurrent]:
        """The only one."""
        return {"recurrent": self.recurrent}

    def forward(
        self, inputs: Float[Tensor, "time batch input"], source: int | None = None
    ) -> Float[Tensor, "time batch output"]:
        """The outputs at every timestep, by the plain loop over time that autograd can differentiate."""
        features = inputs
        for layer in range(self.recurrent.num_layers):
            passes = [
                unroll(self.recurrent.cell(layer, d), features, reverse=d == 1)
                for d in range(self.recurrent.num_directions)
            ]
            features = torch.cat([states[0] for states, _ in passes], dim=-1)
        outputs: Tensor = self.readout(features)
        return outputs

    def own_words(
        self, inputs: Float[Tensor, "time batch input"], source: int | None, next_word: NextWord
    ) -> Float[Tensor, "time batch output"]:
        """Those of `forward`: it reads no words."""
        outputs: Tensor = self(inputs)
        return outputs

    def parts(self, seq_len: int, source: int | None) -> tuple[int, ...]:
        """All in one: a source is the beginning of the sequence."""
        return (seq_len,)

    def answer(self, stacks: Mapping[str, Stack]) -> tuple[Float[Tensor, "time batch output"], Tensor | None]:
        """From the top layer's h_t."""
        (stack,) = stacks.values()
        features = side_by_side([layer.hidden for layer in stack.layers[-stack.num_directions :]])
        outputs: Tensor = self.readout(features, stack.top.lengths)
        return outputs, self.readout.reading(features, stack.top.lengths)

    def inputs_of(self, stacks: Mapping[str, Stack]) -> Float[Tensor, "time batch input"]:
        """The first layer's."""
        (stack,) = stacks.values()
        return stack.layers[0].inputs

    def run(self, engine: Engine, given: Given) -> Passed:
        """One pass forwards and backwards."""
        D, H, lengths = self.recurrent.num_directions, self.recurrent.hidden_size, given.lengths
        layers = forward_stack(engine, self.recurrent.cells, D, given.inputs, given.start, lengths)
        features = side_by_side([layer.hidden for layer in layers[-D:]])
        glue = differentiate(
            lambda weights, states: functional_call(self.readout, dict(weights), (states[0], lengths)),
            dict(self.readout.named_parameters()),
            [features],
            given.loss,
        )
        below = [None] * (len(layers) - D)
        direct = [*below, *(Scaled.of(part.contiguous()) for part in glue.of_states[0].split(H, dim=-1))]
        return Passed(
            stacks={"recurrent": backward_stack(engine, layers, D, direct, given.truncate, given.truncate_kind)},
            outputs=glue.outputs,
            loss=glue.loss,
            grads={f"readout.{name}": (grad, log_norm_of_all(grad)) for name, grad in glue.of_weights.items()},
            attention=self.readout.reading(features, lengths),
        )
