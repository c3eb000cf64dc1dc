"""The memory that a watched call's Trace takes; a Trace that would take too much is refused."""

from models.recording.watch_call import Call

BUDGET = 4 * 2**30
"""Most bytes that the record of one call may take: 4 GiB."""


def trace_bytes(call: Call, samples: int | None = None) -> int:
    """Bytes of one call's Trace: a value and two gradients for each state of a unit, and one value for each gate."""
    T, B, _ = call.inputs.shape
    kept = B if samples is None else min(samples, B)
    per_step = sum(3 * sum(cell.state_sizes) + len(cell.gate_names) * cell.state_sizes[-1] for cell in call.cells)
    return T * kept * (per_step * call.inputs.element_size() + 64 * len(call.cells))


def too_large(call: Call, samples: int | None) -> str | None:
    """Why a call is not recorded, as the rest of a sentence; None if its record fits."""
    needed = trace_bytes(call, samples)
    if needed <= BUDGET:
        return None
    T, B, _ = call.inputs.shape
    fits = int(BUDGET / needed * (B if samples is None else min(samples, B)))
    advice = f"watch(..., samples={fits}) keeps the first {fits} sequences" if fits else "watch it on shorter sequences"
    return (
        f"is not recorded: {T} timesteps of {B} sequences would take {needed / 2**30:.3g} GiB, and at most "
        f"{BUDGET / 2**30:.3g} GiB are allowed; {advice}"
    )
