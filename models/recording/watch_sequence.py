"""The tensor layouts of a torch module's sequences and states, and their conversion to [time, batch, …]."""

from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from models.recording.watch_weights import RecurrentModule


@dataclass(frozen=True, eq=False)
class SequenceForm:
    """The layout of the tensors that a call takes and returns."""

    single_step: bool
    """Whether the module is a single cell, which takes one timestep per call."""
    batched: bool
    batch_first: bool
    packed: PackedSequence | None
    """The batch sizes and the order of the sequences, without data; None if the inputs are not packed."""

    def sequence(self, x: Float[Tensor, "*form"]) -> Float[Tensor, "time batch feature"]:
        """An input, an output or a gradient as [time, batch, feature]; zero in padding."""
        if self.packed is not None:
            return pad_packed_sequence(self.packed._replace(data=x))[0]
        if not self.batched:
            x = x.unsqueeze(-2)
        if self.single_step:
            return x.unsqueeze(0)
        return x.transpose(0, 1) if self.batched and self.batch_first else x

    def state(self, s: Float[Tensor, "*form"]) -> Float[Tensor, "layer batch unit"]:
        """A state that the module takes or returns, or its gradient, as [layer, batch, unit]."""
        if not self.batched:
            s = s.unsqueeze(-2)
        return s.unsqueeze(0) if self.single_step else s

    @property
    def lengths(self) -> Int64[Tensor, " batch"] | None:
        """Timesteps of each sequence; None if all are equal."""
        if self.packed is None:
            return None
        data = self.packed.data.new_empty(int(self.packed.batch_sizes.sum()), 1)  # where the order of the sequences is
        lengths = pad_packed_sequence(self.packed._replace(data=data))[1]
        return None if bool((lengths == len(self.packed.batch_sizes)).all()) else lengths


def form_of(module: RecurrentModule, inputs: Tensor | PackedSequence) -> SequenceForm:
    """The layout of a call with these inputs."""
    single_step = isinstance(module, nn.RNNCellBase)
    if isinstance(inputs, PackedSequence):
        return SequenceForm(single_step, True, False, inputs._replace(data=inputs.data.new_empty(0)))
    batched = inputs.ndim == (2 if single_step else 3)
    return SequenceForm(single_step, batched, isinstance(module, nn.RNNBase) and module.batch_first, None)
