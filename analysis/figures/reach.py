"""What is left of the gradients of several lines at the first timestep: the titles of their charts."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.numbers import LN_10
from analysis.wording import power_of_ten

ByLag = Float[ndarray, " lag"]
"""ln‖dL/dh_t‖ (nats) from lag 0 on; NaN beyond the first timestep."""


def title_of_lines(labels: Sequence[str], log_norms: Sequence[ByLag]) -> str:
    """The least and the most that is left in any of the lines.

    Example:
        >>> title_of_lines(["clipped", "unclipped"], [np.log([1.0, 0.5]), np.log([1.0, 0.25])])
        'Gradient at lag 1 ÷ at the loss: 0.25 (unclipped) to 0.5 (clipped)'
    """
    found = [(*left, label) for label, line in zip(labels, log_norms, strict=True) if (left := reach(line))]
    if not found:
        return "No line has a gradient with a number"
    least, most = min(found), max(found)
    lags = {lag for _, lag, _ in found}
    ratio = f"Gradient at {f'lag {lags.pop()}' if len(lags) == 1 else 'the first timestep'} ÷ at the loss"
    low, high = (power_of_ten(end[0] / LN_10) for end in (least, most))
    if len(found) == 1:
        return f"{ratio}: {low} ({least[2]})"
    return f"{ratio}: {low} each" if low == high else f"{ratio}: {low} ({least[2]}) to {high} ({most[2]})"


def describe_reach(line: ByLag) -> str:
    """What is left in one line, and where."""
    found = reach(line)
    return "no number" if found is None else f"×{power_of_ten(found[0] / LN_10)} at lag {found[1]}"


def reach(line: ByLag) -> tuple[float, int] | None:
    """ln of the last number ÷ the first one (nats), and the last one's lag; None where there is no such ratio."""
    known = np.flatnonzero(~np.isnan(line))
    with np.errstate(invalid="ignore"):  # zero or infinite at both
        ratio = line[known[-1]] - line[known[0]] if known.size else np.nan
    return None if np.isnan(ratio) else (float(ratio), int(known[-1]))
