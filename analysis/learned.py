"""Whether a training has learned, in one line: at chance, learning, solved, or diverged, and then why."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from analysis.training_findings import LOST, WORSE, has_learned
from analysis.wording import counted, percent, power_of_ten, significant

Over = Float[ndarray, " step"]
Outcome = Literal["begun", "at_chance", "worse", "learning", "solved", "diverged"]

WINDOW = 100
"""Steps at the end over which loss and accuracy are averaged."""
FEWEST = 20
"""Steps before which nothing is said of learning."""

BARELY = 0.9
"""Part of a guess's loss down to which the share of right answers says less than the loss itself."""

COMPARED: dict[Outcome, str] = {"worse": "worse than a guess", "at_chance": "at chance", "learning": "learning"}
"""In words, how a loss compares with a guess's."""


@dataclass(frozen=True)
class Learned:
    """What a training has come to."""

    outcome: Outcome
    words: str
    """In one line: `learning: 62 % right`."""
    why: str = ""
    """Of a divergence: what grew, how fast, and what to change; of nothing learned: what to look at."""


@dataclass(frozen=True, eq=False)
class TrainingScalars:
    """The scalars of a training at every optimiser step, and the loss of a guess that sees no input."""

    step: Int[ndarray, " step"]
    loss: Over
    accuracy: Over
    """Share of right answers, 0 to 1; NaN where it is not known."""
    log_norm: Over
    """ln of the gradient's norm before clipping (nats)."""
    learning_rate: Over
    clip_threshold: Over
    """NaN where nothing is clipped."""
    chance: float
    """The loss of the guess; NaN where nobody knows it."""
    evaluation_loss: float = math.nan
    """The last evaluation's loss, which tells more than the batches' does; NaN where there was none."""


def learned(scalars: TrainingScalars, solved: int | None = None) -> Learned:
    """Whether a training has learned.

    Args:
        scalars: of the training up to now.
        solved: the step at which an evaluation has solved the task; None if none has.

    Example:
        >>> steps = np.arange(1, 201)
        >>> known = np.full(200, 0.25)
        >>> learned(TrainingScalars(steps, known, known, known, known, known, chance=1.0)).words
        'learning: 25\\xa0% right'
    """
    if solved is not None:
        return Learned("solved", f"solved at step {solved:,}")
    if not len(scalars.step):
        return Learned("begun", "no step yet")
    if (k := diverged_at(scalars.loss, scalars.chance)) is not None:
        return Learned("diverged", _describe_divergence(scalars, k), explain_divergence(scalars, k))
    loss = _recent(scalars.loss) if math.isnan(scalars.evaluation_loss) else scalars.evaluation_loss
    accuracy = _recent(scalars.accuracy)
    if math.isnan(scalars.evaluation_loss):
        beside = f"mean loss {significant(loss)} over {counted(min(WINDOW, len(scalars.step)), 'step')}"
    else:
        beside = f"loss {significant(loss)} on new sequences"
    if not math.isnan(scalars.chance):
        beside += f", a guess has {significant(scalars.chance)}"
    if len(scalars.step) < FEWEST or math.isnan(scalars.chance):
        return Learned("begun", beside)
    outcome = compare_with_guess(loss, scalars.chance)
    shows = shows_in_answers(loss, scalars.chance, accuracy)
    return Learned(outcome, f"{COMPARED[outcome]}: {f'{percent(accuracy)} right' if shows else beside}")


def shows_in_answers(loss: float, chance: float, accuracy: float) -> bool:
    """Whether the share of right answers is known, and the loss so small that the share shows what was learned."""
    return loss <= BARELY * chance and not math.isnan(accuracy)


def compare_with_guess(loss: float, chance: float) -> Outcome:
    """Whether a loss that has not diverged is `worse` than a guess's, `at_chance`, or less: `learning`."""
    if loss > WORSE * chance:
        return "worse"
    return "learning" if has_learned(loss, chance) else "at_chance"


def _recent(values: Over) -> float:
    """The mean of the last finite values; NaN if there are none."""
    finite = values[-WINDOW:][np.isfinite(values[-WINDOW:])]
    return float(finite.mean()) if finite.size else math.nan


def diverged_at(loss: Over, chance: float) -> int | None:
    """The index from which on the loss is lost to the end: not finite, or a million times a guess's; None if it is not.

    Where no guess is known, the first finite loss takes its place.
    """
    finite = loss[np.isfinite(loss)]
    level = chance if not math.isnan(chance) else abs(float(finite[0])) if finite.size else math.nan
    lost: Bool[ndarray, " step"] = ~(np.abs(loss) <= LOST * level) if not math.isnan(level) else ~np.isfinite(loss)
    if not len(lost) or not lost[-1]:
        return None
    kept = np.flatnonzero(~lost)
    return int(kept[-1]) + 1 if kept.size else 0


def _describe_divergence(scalars: TrainingScalars, k: int) -> str:
    """`diverged at step 9: gradient norm 3×10¹², learning rate 10`."""
    norm, rate = scalars.log_norm[k], scalars.learning_rate[k]
    size = "Inf or NaN" if not norm < math.inf else power_of_ten(norm / math.log(10))
    said = [f"gradient norm {size}", *([] if math.isnan(rate) else [f"learning rate {significant(float(rate))}"])]
    return f"diverged at step {scalars.step[k]:,}: {', '.join(said)}"


def explain_divergence(scalars: TrainingScalars, k: int) -> str:
    """What grew before the divergence at index k, how fast, and what to change, in a few sentences."""
    rate, threshold = float(scalars.learning_rate[k]), float(scalars.clip_threshold[k])
    sentences = []
    if math.isfinite(scalars.loss[k]):
        gone = k + np.flatnonzero(~np.isfinite(scalars.loss[k:]))
        whose = "the first" if math.isnan(scalars.chance) else "a guess's"
        later = f", and Inf or NaN from step {scalars.step[gone[0]]:,} on" if gone.size else ""
        sentences.append(f"From step {scalars.step[k]:,} on the loss is over a million times {whose}{later}.")
    if (growth := _growth_before(scalars.log_norm, k)) is not None:
        steps, factor = growth
        at = scalars.step[k - steps]
        sentences.append(
            f"The gradient's norm grew from {power_of_ten(scalars.log_norm[k - steps] / math.log(10))} at step {at:,}, "
            f"by a factor of {significant(factor)} per step."
        )
    lower = "Lower the learning rate" if math.isnan(rate) else f"Lower the learning rate from {significant(rate)}"
    if math.isnan(threshold):
        sentences.append(f"{lower}, or clip the gradient's norm.")
    else:
        length = significant(rate * threshold)
        sentences.append(
            f"Clipping left each step a gradient of norm {significant(threshold)}; times the rate, that is {length}. "
            f"{lower}, or clip at a smaller threshold."
        )
    return " ".join(sentences)


def _growth_before(log_norm: Over, k: int) -> tuple[int, float] | None:
    """Over how many steps up to index k the norm grew, and by which factor per step; None where it did not."""
    first = max(k - WINDOW, 0)
    known = first + np.flatnonzero(np.isfinite(log_norm[first : k + 1]))
    if not known.size:
        return None
    last, lowest = int(known[-1]), int(known[np.argmin(log_norm[known])])
    if lowest >= last:
        return None
    per_step = (float(log_norm[last]) - float(log_norm[lowest])) / (last - lowest)
    return (k - lowest, math.exp(min(per_step, 700.0))) if per_step > 0 else None
