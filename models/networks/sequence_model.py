"""One recurrent stack over a sequence, and a head that reads its top layer."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from models.bptt.engine import Engine
from models.bptt.lognorm import log_norm_of_all
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import backward_stack, forward_stack, side_by_side, taken_apart
from models.bptt.summed import on_one_scale, scaled_grad
from models.cells.cell import State
from models.networks.heads import Head, make_head
from models.networks.network import Given, Grads, Network, NextWord, Passed, differentiate
from models.networks.recurrent import Recurrent, unroll
from models.recording.trace import Stack

STARTS = ("zero", "learned", "carried")


class SequenceModel(Network):
    """A recurrent network and a head that reads its top layer.

    Args:
        cell: `elman` and `indrnn` (with `nonlinearity=` tanh, relu, identity or sigmoid), `lstm`, `lstm_1997`,
            `peephole_lstm`, `gru` (with `reset_after=`), `mingru`, `mut1`, `mut2` or `mut3`. MUT1 and MUT2 hand x on as
            it is where input_size is hidden_size, and by a learned projection elsewhere.
        input_size: numbers that the network reads at a timestep.
        hidden_size: units of h_t in each layer and direction.
        output_size: numbers of an answer.
        num_layers: layers; each reads the h_t of the one below.
        bidirectional: whether each layer has a second cell that reads the sequence from its end.
        head: `linear` at every timestep; `dense`, with a layer of `dense_size` units between; `attention` and `mean`,
            which read all h_t for one answer, the same at every timestep.
        generator: where the initial weights come from; torch's global generator if left out.
        dtype: what the weights are rounded to; they are drawn in float64, the same for every dtype.
        start: `zero`; or `learned`: h_0, and c_0 where the cell has one, are parameters that begin at zero; or
            `carried`: from one batch to the next, by who gives `record` its start, and zero without.

    Raises:
        ValueError: an unknown cell, head, start or option, or a size below 1.

    Example:
        >>> import torch
        >>> from models import SequenceModel
        >>> model = SequenceModel("lstm", input_size=2, hidden_size=64, output_size=1, num_layers=2)
        >>> model(torch.zeros(200, 16, 2)).shape  # [time, batch, output]
        torch.Size([200, 16, 1])
        >>> model.recurrent.weight_hh_l1.shape  # names and shapes are torch's: the gates i, f, g, o
        torch.Size([256, 64])
    """

    recurrent: Recurrent
    readout: Head
    takes: ClassVar[tuple[str, ...]] = ("head", "dense_size", "start", "bidirectional", "truncate")

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
        start: str = "zero",
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
        if start not in STARTS:
            raise ValueError(f"start was {start!r}; it must be one of {', '.join(STARTS)}.")
        shape = (num_layers * self.recurrent.num_directions, hidden_size)
        names = self.recurrent.cell_type.state_names if start == "learned" else ()
        self.start = nn.ParameterDict({name: nn.Parameter(torch.zeros(*shape, dtype=dtype)) for name in names})

    @property
    def stacks(self) -> dict[str, Recurrent]:
        """The only one."""
        return {"recurrent": self.recurrent}

    def forward(
        self,
        inputs: Float[Tensor, "time batch input"],
        source: int | None = None,
        lengths: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "time batch output"]:
        """The outputs at every timestep, by the plain loop over time that autograd can differentiate."""
        features = inputs
        for layer in range(self.recurrent.num_layers):
            D = self.recurrent.num_directions
            passes = [
                unroll(
                    self.recurrent.cell(layer, d),
                    features,
                    d == 1,
                    self.start_of(D * layer + d, inputs.shape[1]),
                    lengths,
                )
                for d in range(D)
            ]
            features = torch.cat([states[0] for states, _ in passes], dim=-1)
        outputs: Tensor = self.readout(features, lengths)
        return outputs

    def start_of(self, k: int, batch_size: int) -> State | None:
        """The learned s_0 of layer and direction k, [batch, unit]; None where it is zero."""
        if not self.start:
            return None
        return tuple(self.start[name][k].expand(batch_size, -1) for name in self.recurrent.cell_type.state_names)

    def own_words(
        self, inputs: Float[Tensor, "time batch input"], source: int | None, next_word: NextWord
    ) -> Float[Tensor, "time batch output"]:
        """Those of `forward`: it reads no words."""
        outputs: Tensor = self(inputs)
        return outputs

    def parts(self, seq_len: int, source: int | None) -> tuple[int, ...]:
        """All in one: a source is the beginning of the sequence."""
        return (seq_len,)

    def answer(
        self, stacks: Mapping[str, Stack], inputs: Float[Tensor, "time batch input"]
    ) -> tuple[Float[Tensor, "time batch output"], Tensor | None]:
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
        D, lengths = self.recurrent.num_directions, given.lengths
        start, cells = given.start, self.recurrent.cells
        own = [self.start_of(k, given.inputs.shape[1]) for k in range(len(cells))]
        if start is None and self.start:
            start = [s for s in own if s is not None]
        layers = forward_stack(engine, cells, D, given.inputs, start, lengths)
        features = side_by_side([layer.hidden for layer in layers[-D:]])
        glue = differentiate(
            lambda weights, states: self.readout.read_with(weights, states[0], lengths),
            dict(self.readout.named_parameters()),
            [features],
            given.loss,
        )
        below = [None] * (len(layers) - D)
        direct = [*below, *(Scaled.of(part) for part in taken_apart(glue.of_states[0], D))]
        result = backward_stack(engine, layers, D, direct, given.truncate, given.truncate_kind)
        grads: Grads = {f"readout.{name}": (grad, log_norm_of_all(grad)) for name, grad in glue.of_weights.items()}
        for part, name in enumerate(self.recurrent.cell_type.state_names if self.start else ()):
            grads[f"start.{name}"] = start_gradient([layer.grad_start[part] for layer in result.stack.layers])
        return Passed(
            stacks={"recurrent": result},
            outputs=glue.outputs,
            loss=glue.loss,
            grads=grads,
            attention=self.readout.reading(features, lengths),
        )


def start_gradient(of_layers: Sequence[Scaled]) -> tuple[Tensor, float]:
    """dL/dh_0 of every layer, [batch, unit] each, summed over the batch: [layer, unit], and ln of its norm (nats)."""
    parts = torch.stack([x.parts[0] for x in of_layers])
    grad, power = on_one_scale(Scaled((parts,), torch.stack([x.exponent for x in of_layers])))
    return scaled_grad(grad.sum(1), power)
