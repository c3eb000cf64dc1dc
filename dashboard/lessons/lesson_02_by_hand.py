"""BPTT by hand: three steps of "hello" through one tanh unit, every number visible."""

from dataclasses import dataclass

import numpy as np

from analysis.by_hand import READS, SAYS, ByHand, Steps, autograd_total, by_hand, gradient_of_output, recorded
from analysis.figures.bars import parts_picture
from analysis.figures.picture import Picture
from analysis.wording import exact_percent, significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.networks_drawn import THREE_STEPS
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import SLIDES_001, SLIDES_003, WERBOS_1990
from dashboard.lessons.statement import says

RECURRENT_WEIGHT = 0.9
"""A round number, like the example's others, so that a hand can follow."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on, all [time], of the loss at every step."""

    hand: ByHand
    engine: Steps
    autograd: Steps
    output_grad: Steps

    @property
    def error(self) -> float:
        """Largest difference of the hand's and the engine's totals from autograd's."""
        return float(max(np.abs(self.hand.total - self.autograd).max(), np.abs(self.engine - self.autograd).max()))

    @property
    def is_total(self) -> list[bool]:
        """Whether the gradient of `output` is the total one, at each step."""
        return np.isclose(self.output_grad, self.autograd, rtol=1e-9).tolist()


def measure() -> Measured:
    """Four ways to the same gradient."""
    every = np.ones(len(READS))
    trace = recorded(RECURRENT_WEIGHT, every)
    return Measured(
        by_hand(RECURRENT_WEIGHT, every),
        trace.total_grad_hidden.flatten().numpy(),
        autograd_total(RECURRENT_WEIGHT, every),
        gradient_of_output(RECURRENT_WEIGHT, every),
    )


PLACES = [f"h{t} (reads {c})" for t, c in zip("₁₂₃", READS, strict=True)]


def bars(hand: ByHand, title: str) -> Picture:
    """What each step's loss sends to each h_t."""
    return parts_picture(
        "bptt-by-hand",
        title,
        PLACES,
        {f"from L{s}": hand.from_loss[k].tolist() for k, s in enumerate("₁₂₃")},
        "Each block is what one step's loss sends back to h; the diamond is their sum, the total gradient dL/dh.",
        "dL/dh",
    )


_SLOPE, _BACK = "slope ∂hₜ₊₁/∂hₜ", "+ back"


def draw(values: Values) -> Scene:
    """All numbers of the pass, and where each gradient comes from."""
    weight = float(values["weight"])
    counts = np.ones(3) if values["losses"] == "every" else np.array([0.0, 0.0, 1.0])
    hand, auto = by_hand(weight, counts), autograd_total(weight, counts)
    error = float(np.abs(hand.total - auto).max())
    share = hand.direct[0] / hand.total[0] if hand.total[0] else 0.0
    title = f"dL/dh₁ = {significant(hand.total[0])}, of it direct {significant(hand.direct[0])}"
    rows = {
        "h": hand.h, "p(right letter)": hand.probability, _SLOPE: hand.slope, "direct": hand.direct,
        _BACK: hand.through, "= total": hand.total, "autograd": auto,
    }  # fmt: skip
    lines = [f"| t | {' | '.join(str(t + 1) for t in range(len(READS)))} |", "|---|" + "--:|" * len(READS)]
    lines.append("| reads → says | " + " | ".join(f"{a} → {b}" for a, b in zip(READS, SAYS, strict=True)) + " |")
    for name, row in rows.items():
        numbers = [significant(float(number)) for number in row]
        if name in (_SLOPE, _BACK):
            numbers[-1] = "–"  # nothing comes after the last step
        lines.append(f"| {name} | {' | '.join(numbers)} |")
    words = f"""## Now
- direct at h₁: **{exact_percent(share)}** of the total
- hand − autograd: at most **{significant(error)}**
"""
    return Scene({"bars": bars(hand, title)}, words, "\n".join(lines))


def decide(m: Measured) -> Verdict:
    """The gradient of `output` is the direct one."""
    first, last = m.is_total[0], m.is_total[-1]
    total, direct = float(m.autograd[0]), float(m.output_grad[0])
    return Verdict(
        truth="half true" if last and not first else ("true" if first else "false"),
        was_true=(
            says(
                "At the last timestep it equals the total gradient, {total}: no timestep follows.",
                abs(m.output_grad[-1] - m.autograd[-1]) < 1e-12,
                total=float(m.autograd[-1]),
            ),
        ),
        was_not=(
            says(
                "At h₁ it is {direct}, but the total gradient is {total}. The part that comes back through h₂ is "
                "missing.",
                abs(total - direct - m.hand.through[0]) < 1e-12
                and abs(direct - m.hand.direct[0]) < 1e-12
                and not first,
                direct=direct,
                total=total,
            ),
        ),
        why=says(
            "`output` goes only to the readout; the next timestep reads its own copy of h. So at h₁ it knows L₁ only: "
            "L₂ and L₃ come back through h₂ and h₃. By hand, recorded and by autograd, the totals differ by {error} at "
            "most.",
            m.error < 1e-12,
            error=m.error,
        ),
        answers=(
            says(
                "The total at t = 1: {direct} + {slope} · {next} = {total}.",
                abs(m.hand.direct[0] + m.hand.slope[0] * m.autograd[1] - total) < 1e-12,
                direct=float(m.hand.direct[0]),
                slope=float(m.hand.slope[0]),
                next=float(m.autograd[1]),
                total=total,
            ),
            says(
                "The direct gradient, {direct}, is all of the total, {total}. Nothing comes back from the next "
                "timestep.",
                abs(zero_weight()[0] - zero_weight()[1]) < 1e-15,
                total=zero_weight()[0],
                direct=zero_weight()[1],
            ),
            says(
                "The direct part is {direct}. All of the total, {total}, comes back through h₂.",
                last_only()[1] == 0 and last_only()[0] != 0,
                direct=last_only()[1],
                total=last_only()[0],
            ),
        ),
    )


def zero_weight() -> tuple[float, float]:
    """Total and direct gradient at h_1 without recurrence."""
    every = np.ones(3)
    return float(autograd_total(0.0, every)[0]), float(by_hand(0.0, every).direct[0])


def last_only() -> tuple[float, float]:
    """Total and direct gradient at h_1 with only the last loss."""
    counts = np.array([0.0, 0.0, 1.0])
    return float(autograd_total(RECURRENT_WEIGHT, counts)[0]), float(gradient_of_output(RECURRENT_WEIGHT, counts)[0])


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is what equals autograd's total at the very steps that were named."""
    named = {"a": [True, True, True], "b": [False, False, True], "c": [True, False, False], "d": [False] * 3}[
        str(guess)
    ]
    agreeing = sum(m.is_total)
    said = {
        "a": "It equals the total gradient at only {agreeing:whole} of {steps:whole} timesteps, the last.",
        "b": "It equals the total gradient at {agreeing:whole} of {steps:whole} timesteps, the last.",
        "c": "Most is missing at the first one. It equals the total at {agreeing:whole} of {steps:whole}, the last.",
        "d": "It equals the total gradient at {agreeing:whole} of {steps:whole} timesteps: no timestep follows the "
        "last.",
    }[str(guess)]
    missing = np.abs(m.autograd - m.output_grad)
    holds = agreeing == 1 and m.is_total[-1] and missing.argmax() == 0
    return Reply("right" if named == m.is_total else "wrong", says(said, holds, agreeing=agreeing, steps=len(READS)))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The parts at each step."""
    return bars(m.hand, "What each loss sends back to each state h")


LESSON = Lesson(
    number=2,
    title="BPTT by hand",
    about="Three steps of “hello”, every number visible: the direct and the total gradient.",
    claim="Call `output.retain_grad()` on a recurrent layer. The gradient that it keeps is the dL/dh of "
    "backpropagation through time.",
    source=f"two published tools show it so. The method: {WERBOS_1990}. The example: {SLIDES_001} and {SLIDES_003}",
    diagram=THREE_STEPS,
    question=Choices(
        asks="One unit reads the letters h, e, l and should answer e, l, l. Each timestep has a loss. At which "
        "timesteps is the gradient of `output` the whole (total) gradient dL/dh?",
        answers={
            "a": "At all three: autograd applies the whole chain rule.",
            "b": "Only at the last timestep.",
            "c": "Only at the first timestep.",
            "d": "At no timestep.",
        },
    ),
    bench=Bench(
        tasks=(
            "In column 1, add the direct gradient to the slope times the total of column 2. What comes out?",
            "Set w to 0. What is left of dL/dh₁?",
            "Set w back to 0.9 and count only the last loss. Which part of dL/dh₁ is direct?",
        ),
        controls=(
            Slider("weight", "Recurrent weight w", -2.0, 2.0, RECURRENT_WEIGHT, 0.05),
            Pick("losses", "Losses that count", {"every": "L₁ + L₂ + L₃", "last": "only the last, L₃"}, "every"),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\frac{dL}{dh_t} = \frac{dL_t}{dh_t} + w\,(1 - h_{t+1}^2)\,\frac{dL}{dh_{t+1}}",
        "dL/dh(t) = dL(t)/dh(t) + w (1 − h(t+1)²) · dL/dh(t+1)",
        "L: the sum of all losses. L with t: the loss of timestep t. w: the recurrent weight. 1 − h²: the slope of "
        "tanh",
    ),
)
