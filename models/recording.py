"""The one function that records: what it takes, and which implementation serves."""

import torch
from torch import Tensor

from models.bptt import Loss, record_reference
from models.fast.choose import choose_path
from models.sequence_model import SequenceModel
from models.trace import Trace


@torch.inference_mode(False)  # in it nothing can be differentiated
@torch.no_grad()
def record(
    model: SequenceModel, inputs: Tensor, loss: Loss, truncate: int | None = None, path: str | None = None
) -> Trace:
    """Run the model and its BPTT once, and keep every step.

    Args:
        model: its parameters' `.grad` are neither read nor written; whether they require one does not matter.
        inputs: [time, batch, input], of the model's dtype.
        loss: outputs [time, batch, output] → scalar, differentiable by torch.
        truncate: truncated BPTT: the state runs on, the gradient stops between the input positions k and k+1,
            2k and 2k+1, … (in both directions); None for none.
        path: `reference` for the definition in `models.bptt`; `fast` for the compiled one, which is waited for; None
            for the fast one where it takes the model (on a CPU, float32 or float64) and is compiled, else the
            reference, while it is compiled beside for later calls. The two agree up to rounding: name one where runs
            must be equal bit by bit. `trace.path` says which it was.

    Raises:
        ValueError: inputs that do not fit the model, a loss that is not a scalar, a truncate that is not a whole
            number of at least 1, or a path that is unknown or cannot take the model.
    """
    check_arguments(model, inputs, truncate)
    if inputs.is_inference():
        inputs = inputs.clone()
    if choose_path(model, inputs, path) == "reference":
        return record_reference(model, inputs, loss, truncate)
    from models.fast.record import record_fast  # here, since it imports the compiler

    return record_fast(model, inputs, loss, truncate)


def check_arguments(model: SequenceModel, inputs: Tensor, truncate: int | None) -> None:
    """Raise a ValueError of one sentence for what `record` cannot take."""
    expected = model.recurrent.input_size
    if inputs.ndim != 3 or inputs.shape[-1] != expected or 0 in inputs.shape:
        raise ValueError(
            f"inputs have shape {tuple(inputs.shape)}; they must be [time, batch, {expected}], none of them 0."
        )
    dtype = model.readout.weight.dtype
    if inputs.dtype != dtype:
        raise ValueError(f"inputs are {inputs.dtype}; the model is {dtype}, and they must be the same.")
    if truncate is not None and (not isinstance(truncate, int) or truncate < 1):
        raise ValueError(f"truncate was {truncate}; it must be a whole number of at least 1, or None.")
