"""A probe's results as plain values, for JSON, tables and CSV."""

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.cell_state import CellStateProfile
from analysis.course import Course, begin_sentence, describe_course
from analysis.crossing import crossing
from analysis.theory import critical_gain
from experiments.probing.credit_by_passes import MOST_LOSSES
from experiments.probing.probe import Probe
from experiments.probing.recorded_pass import RecordedPass


def summary(result: RecordedPass) -> dict[str, object]:
    """The probe's figures as plain values, for a table or JSON; numbers that are not finite become None or text.

    Norms are given as natural logs (nats) where they may leave the range of a float.
    """
    p, spectra, clipping = result.profile, result.spectra, result.clipping
    return {
        **result.origin,
        "loss": json_number(result.loss),
        "chance": result.chance,
        "decay_rate": json_number(p.decay.rate),
        "decay_rate_standard_error": json_number(p.decay.standard_error),
        "decay_factor": json_number(p.decay.factor),
        "half_life": json_number(p.decay.half_life),
        "straight_from_lag": p.decay.straight_from,
        "straight_until_lag": p.decay.straight_until,
        "decay_reason": p.decay.reason,
        "profile": {"verdict": p.course.kind, "words": describe_course(p.course)},
        "transport": transport_summary(result.transport_course),
        "cell_state": cell_state_summary(result.cell_state),
        "start_log_norm": json_number(result.start_log_norm),
        "horizon_t": p.horizon_t,
        "horizon_lag": p.horizon_lag,
        "underflow_lag": p.underflow_lag,
        "diverged": p.diverged,
        "spectral_norm": json_number(max((s.spectral_norm for s in spectra.values()), default=None)),
        "spectral_radius": json_number(max((s.spectral_radius for s in spectra.values()), default=None)),
        "blocks": {
            name: {
                "spectral_norm": json_number(s.spectral_norm),
                "spectral_radius": json_number(s.spectral_radius),
                "departure_from_normality": json_number(s.departure_from_normality),
            }
            for name, s in spectra.items()
        },
        "clip_rule": clipping and clipping.rule,
        "clip_threshold": clipping and clipping.threshold,
        "grad_log_norm_before": clipping and json_number(clipping.log_norm_before),
        "grad_log_norm_after": clipping and json_number(clipping.log_norm_after),
        "grad_cosine": clipping and json_number(clipping.cosine),
        "clip_engaged": clipping and clipping.engaged,
        "findings": [
            {
                "kind": f.kind,
                "severity": f.severity,
                "title": f.title,
                "evidence": f.evidence,
                "numbers": {name: json_number(number) for name, number in f.numbers.items()},
                "remedy": f.remedy,
                "settings": f.settings,
            }
            for f in result.diagnosis
        ],
        **analyses(result),
        "path": result.trace.path,
    }


def transport_summary(c: Course) -> dict[str, object]:
    """The course of the last loss's gradient: the verdict, and ln of the share left at the last lag."""
    known = c.kind not in ("diverged", "zero")
    return {
        "verdict": c.kind,
        "words": begin_sentence(c),
        "lag": c.lag,
        "log_left": json_number(c.log_left) if known else None,
        "log_largest": json_number(c.log_growth) if known else None,
    }


LONGEST_CREDIT_IN_SUMMARY = 500
"""Most timesteps for which the credit matrix is computed: its cost grows with their square."""

LARGEST_STATE_IN_SUMMARY = 512
"""Size of the state up to which Lyapunov exponents and the product's singular values are: they grow with its cube."""


def analyses(result: RecordedPass) -> dict[str, object]:
    """A few numbers of each other analysis, or a sentence why it was left out."""
    trace = result.trace
    out: dict[str, object] = {
        "bound_log_norm_t1": None if result.bound is None else json_number(float(result.bound[0]))
    }
    m = result.mean_field
    out["mean_field"] = m and {
        "gain": m.gain,
        "input_variance": m.input_variance,
        "rate": json_number(m.rate),
        "critical_gain": critical_gain(m.input_variance),
    }
    statistics = result.gate_statistics
    constants = statistics.time_constants
    out["gates"] = {
        name: {"mean": json_number(g.mean), "below_0.1": json_number(g.closed), "above_0.9": json_number(g.open)}
        for name, g in statistics.gates.items()
    }
    out["time_constant"] = None if constants is None else json_number(constants.overall)
    taken = result.paths
    out["paths"] = taken and {name: json_number(finite_mean(share)) for name, share in taken.share.items()}
    if result.state_size > LARGEST_STATE_IN_SUMMARY:
        out["jacobians"] = out["lyapunov"] = out["product"] = (
            f"left out: the state has {result.state_size} numbers, over {LARGEST_STATE_IN_SUMMARY}"
        )
    else:
        e, p, growth = result.lyapunov, result.product, result.step_growth
        out["jacobians"] = {
            "log_norm": [json_number(x) for x in growth.step.tolist()],
            "log_norms_summed": json_number(float(growth.steps_apart[-1])),
            "log_norm_of_product": json_number(float(growth.product[-1])),
            "log_gradient": json_number(float(growth.gradient[-1])),
            "reason": growth.reason,
        }
        out["lyapunov"] = {
            "exponents": [json_number(x) for x in e.exponents.tolist()],
            "standard_error": [json_number(x) for x in e.standard_error.tolist()],
            "steps": e.steps,
            "reason": e.reason,
        }
        out["product"] = {
            "log_singular_values": [json_number(x) for x in p.log_singular_values.tolist()],
            "steps": p.steps,
            "reason": p.reason,
        }
    if isinstance(result, Probe) and "encoder" in result.whole.stacks:
        found = crossing(result.whole.stacks["encoder"], result.whole.stacks["decoder"])
        out["crossing"] = {f"share_by_{way}": json_number(finite_mean(share)) for way, share in found.share.items()}
    if trace.seq_len > LONGEST_CREDIT_IN_SUMMARY:
        out["credit"] = f"left out: {trace.seq_len} timesteps, over {LONGEST_CREDIT_IN_SUMMARY}"
    elif isinstance(result, Probe) and result.credit_losses > MOST_LOSSES:
        out["credit"] = f"left out: it takes passes for {result.credit_losses} losses, over {MOST_LOSSES}"
    else:
        typical = result.credit.median
        out["credit"] = {
            "log_last_loss_to_first": json_number(float(typical[-1, 0])),
            "log_last_loss_to_last": json_number(float(typical[-1, -1])),
            "reason": result.credit.reason,
        }
    return out


def finite_mean(values: Float[ndarray, "..."]) -> float:
    """Mean of the finite values; NaN if there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def json_number(value: float | None) -> float | str | None:
    """A number that JSON can hold: `inf`, `-inf` and `nan` as text, since JSON has no word for them."""
    return value if value is None or math.isfinite(value) else str(value)


def cell_state_row(c: CellStateProfile, k: int) -> dict[str, object]:
    """The cell state at its k-th timestep, for `profile_rows`."""
    return {
        f"{name}_{which}": float(getattr(spread, which)[k])
        for name, spread in (("cell_log_norm", c.log_norm), ("cell_state_log_size", c.log_size))
        for which in ("median", "low", "high")
    }


def cell_state_summary(c: CellStateProfile | None) -> dict[str, object] | None:
    """The cell state at the first and the last lag: ln‖dL/dc_t‖ and ln‖c_t‖ (nats); None for a cell without one."""
    if c is None:
        return None
    first, last = c.lag.argmax(), c.lag.argmin()
    return {
        "log_norm_first": json_number(float(c.log_norm.median[first])),
        "log_norm_last": json_number(float(c.log_norm.median[last])),
        "log_size_last": json_number(float(c.log_size.median[last])),
    }


def profile_rows(result: RecordedPass) -> list[dict[str, object]]:
    """The whole profile of every layer and direction, one row per timestep, for CSV (log norms in nats)."""
    rows: list[dict[str, object]] = []
    for layer, (p, c) in enumerate(zip(result.layer_profiles, result.layer_cell_states, strict=True)):
        begins = len(p.t) - (0 if c is None else len(c.t))  # the sequences that are kept may be shorter than others
        for k, t in enumerate(p.t):
            rows.append(
                {
                    "cell": result.cell,
                    "layer": layer,
                    "t": int(t),
                    "lag": int(p.lag[k]),
                    "log_norm_median": float(p.median[k]),
                    "log_norm_low": float(p.low[k]),
                    "log_norm_high": float(p.high[k]),
                    "direct_log_norm_median": float(p.direct[k]),
                    **(cell_state_row(c, k - begins) if c is not None and k >= begins else {}),
                }
            )
    return rows
