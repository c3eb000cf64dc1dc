"""An LSTM's highway: the gradient through the forget gates alone, beside the whole gradient."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.numbers import LN_10, log_quantile
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe

STEPS = 100
GATES = ("i", "f", "o")


@dataclass(frozen=True, eq=False)
class Highway:
    """One LSTM, a loss at its last step, and medians over the batch."""

    full: Float[ndarray, " lag"]
    """ln of ‖dL/dc_{T−lag}‖ ÷ ‖dL/dc_T‖ (nats)."""
    alone: Float[ndarray, " lag"]
    """The same for the gradient through the forget gates only: Πf."""
    forget: float
    """Mean forget gate."""
    shares: dict[str, float]
    """Route → its mean share of the gradient over one step back."""

    @property
    def left(self) -> float:
        """log₁₀ of the share of the whole gradient that is left."""
        return float(self.full[-1]) / LN_10

    @property
    def left_alone(self) -> float:
        """log₁₀ of the share that Πf leaves."""
        return float(self.alone[-1]) / LN_10


@lru_cache(maxsize=32)
def record_highway(bias: float, norm: float) -> Highway:
    """An LSTM of 32 units and its paths over 100 steps back."""
    p = probe(
        RunConfig(
            task="adding", cell="lstm", seq_len=STEPS + 1, hidden_size=32, batch_size=4, forget_bias=bias,
            largest_singular_value=norm, loss_position="last", dtype="float64",
        )
    )  # fmt: skip
    if p.paths is None:
        raise ValueError("the cell has no gates, so there is only one path")
    full = log_quantile(p.paths.total_log_norm, 0.5)[::-1]
    alone = log_quantile(p.paths.direct_path_log_norm, 0.5)[::-1]
    share = {name: float(np.median(values[:-1], axis=1).mean()) for name, values in p.paths.share.items()}
    return Highway(
        full - full[0],
        alone - alone[0],
        float(p.trace.gates["f"].mean()),
        {
            "highway f": share["state"],
            "by h: candidate g": share["g"],
            "by h: gates i, f, o": sum(share[gate] for gate in GATES),
        },
    )
