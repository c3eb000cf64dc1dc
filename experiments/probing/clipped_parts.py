"""The part that each timestep adds to dL/dW_hh in a tanh network, before and after clipping."""

from functools import lru_cache

from jaxtyping import Float
from numpy import ndarray

from analysis.clipping import Clipping
from analysis.contributions import contributions
from analysis.numbers import LN_10
from experiments.config.run_config import RunConfig
from experiments.probing.probe import Probe, probe

STEPS = 60


@lru_cache(maxsize=8)
def record_gaussian(gain: float) -> Probe:
    """A tanh network with Gaussian weights, and BPTT from a loss at the last of 60 steps."""
    return probe(
        RunConfig(
            task="adding", cell="elman", seq_len=STEPS, hidden_size=32, batch_size=4, initialisation="gaussian",
            gain=gain, loss_position="last", dtype="float64",
        )
    )  # fmt: skip


def log_contributions(p: Probe, c: Clipping | None = None) -> Float[ndarray, " lag"]:
    """ln of the part that each timestep adds to dL/dW_hh (nats), from the last to the second; the first adds nothing.

    With a clipping, each entry of a part is scaled like the same entry of the whole gradient.
    """
    parts = contributions(p.trace.top)
    if c is not None:
        name = "recurrent.weight_hh_l0"
        parts = parts * (c.grads[name] / p.trace.parameter_grads[name])
    return parts[1:].flatten(1).norm(dim=1).log().flip(0).numpy()


def oldest_share(p: Probe, c: Clipping | None = None) -> float:
    """log₁₀ of the oldest timestep's part ÷ the latest timestep's part."""
    size = log_contributions(p, c)
    return float(size[-1] - size[0]) / LN_10
