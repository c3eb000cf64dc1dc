"""One neuron: a gradient that goes T steps back is multiplied by w, T times."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, NEUTRAL
from analysis.numbers import LN_10
from analysis.profile import smallest_log
from analysis.simulations.one_neuron import log_gradients
from analysis.wording import counted, power_of_ten, significant
from dashboard.lessons.drawn import drawn_line, drawn_reply
from dashboard.lessons.lesson import Bench, Equation, Lesson, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.networks_drawn import ONE_NEURON
from dashboard.lessons.question import Curve, Guess
from dashboard.lessons.sources import BENGIO_1994, HOCHREITER_1991
from dashboard.lessons.statement import says

CLAIMED_WEIGHT, CLAIMED_STEPS = 0.8, 100
QUESTION = Curve(
    asks="One linear neuron has the weight 0.8. What part of a gradient is left when it has gone 20, 40, … 100 steps "
    "back? Drag the points, or move them with the arrow keys.",
    lags=(20, 40, 60, 80, 100),
    lowest=-14.0,
    highest=2.0,
    step=0.5,
    x_title="steps back from the loss",
    y_title="what is left of the gradient",
)
ELMAN = CELL_COLOURS["elman"]


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    left: Float[ndarray, " lag"]
    """ln of what is left (nats) of the claimed weight, by lag."""
    grown: float
    """The same for 1/w after as many steps."""
    float32_steps: int
    """Lag at which float32 has nothing left for it."""

    @property
    def decades(self) -> float:
        """Lost over the claimed number of steps."""
        return -float(self.left[CLAIMED_STEPS]) / LN_10

    @property
    def half_life(self) -> float:
        """Steps in which half is lost, from the measured slope."""
        return math.log(2) * CLAIMED_STEPS / -float(self.left[CLAIMED_STEPS])


def measure() -> Measured:
    """Recorded BPTT of the claimed weight, of its reciprocal, and until float32 ends."""
    long = log_gradients(CLAIMED_WEIGHT, 600)
    below = np.flatnonzero(long < smallest_log(torch.float32))
    return Measured(
        left=long[: CLAIMED_STEPS + 1],
        grown=float(log_gradients(1 / CLAIMED_WEIGHT, CLAIMED_STEPS)[-1]),
        float32_steps=int(below[0]),
    )


def draw(values: Values) -> Scene:
    """The gradient by lag, with its half-life."""
    weight, steps = float(values["weight"]), int(float(values["steps"]))
    log = log_gradients(weight, steps)
    last = float(log[-1])
    change = "stays as it is" if weight == 1 else ("halves" if weight < 1 else "doubles")
    time = abs(math.log(2) / math.log(weight)) if weight not in (0.0, 1.0) else math.inf
    pace = "each step" if significant(time) == "1" else f"every {significant(time)} steps"
    every = f"{change} {pace}" if math.isfinite(time) else change
    title = f"w = {significant(weight)}: {power_of_ten(last / LN_10)} is left after {counted(steps, 'step')}"
    picture = lag_picture(
        "one-neuron",
        title,
        [LagLine("recorded dL/dh", np.arange(steps + 1.0), log, ELMAN),
         LagLine("smallest float32 number", np.array([0.0, steps]), np.full(2, smallest_log(torch.float32)),
                 NEUTRAL, "dash")],
        "Every step back multiplies the gradient by the same w: a straight line on this logarithmic scale.",
        f"{title}; it {every}.",
        decades=(-0.14 * steps - 1, 0.08 * steps + 1),  # w = 0.9 is a slope to be seen; extreme ones leave the chart
    )  # fmt: skip
    words = f"""## Now
- left after {counted(steps, "step")}: **{power_of_ten(last / LN_10)}**
- {"grown" if last > 0 else "lost"}: **{significant(abs(last) / LN_10)} decades** (factors of ten)
- it **{every}**
"""
    return Scene({"decay": picture}, words)


def decide(m: Measured) -> Verdict:
    """A factor near 1, taken many times, is not near 1."""
    one = math.exp(float(m.left[1]))
    return Verdict(
        truth="false" if m.decades > 3 else "true",
        was_true=(says("One step back keeps {one:share} of the gradient.", one > 0.5, one=one),),
        was_not=(
            says(
                "After {steps:whole} steps {left:decades} is left: {decades} decades (factors of ten) are lost, not "
                "one.",
                m.decades > 3,
                steps=CLAIMED_STEPS,
                left=-m.decades,
                decades=m.decades,
            ),
            says(
                "Nor is growth slow: with w = {inverse} it grows to {grown:decades} times its size.",
                abs(m.grown / LN_10 - m.decades) < 1e-6,
                inverse=1 / CLAIMED_WEIGHT,
                grown=m.grown / LN_10,
            ),
        ),
        why=says(
            "A gradient that goes back T steps is multiplied by w T times. It is halved every {half} steps (its "
            "half-life), so {steps:whole} steps halve it {halvings} times.",
            abs(2.0 ** -(CLAIMED_STEPS / m.half_life) / math.exp(float(m.left[-1])) - 1) < 1e-6,
            half=m.half_life,
            steps=CLAIMED_STEPS,
            halvings=CLAIMED_STEPS / m.half_life,
        ),
        answers=(
            says(
                "It is halved every {half} steps.",
                abs(m.half_life - math.log(2) / -math.log(CLAIMED_WEIGHT)) < 1e-9,
                half=m.half_life,
            ),
            says(
                "After {steps:whole} steps. The gradient itself is not 0: float32 has no number so small.",
                m.float32_steps > CLAIMED_STEPS,
                steps=m.float32_steps,
            ),
            says("Only at w = 1. Below 1 it vanishes; above 1 it explodes.", m.grown > 0 > m.left[-1]),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """How far the drawn points lie from the recorded gradient."""
    return drawn_reply(QUESTION, guess, m.left)


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """What was drawn against what was recorded."""
    title = f"w = {CLAIMED_WEIGHT}: {power_of_ten(-m.decades)} is left after {CLAIMED_STEPS} steps"
    lines = [LagLine("recorded", np.arange(CLAIMED_STEPS + 1.0), m.left, ELMAN), *drawn_line(QUESTION, guess)]
    return lag_picture(
        "one-neuron-verdict",
        title,
        lines,
        "The recorded gradient dL/dh." if guess is None else "The recorded gradient dL/dh, and your prediction.",
        title + ".",
        decades=(QUESTION.lowest, QUESTION.highest),
    )


LESSON = Lesson(
    number=1,
    title="One neuron",
    about="Multiplying by w at every step: half-lives and decades.",
    claim="A weight of 0.8 is close to 1. Over a hundred steps back, the gradient shrinks only about tenfold.",
    source=f"a common first guess. The calculation is in {HOCHREITER_1991}, and in {BENGIO_1994}",
    diagram=ONE_NEURON,
    question=QUESTION,
    bench=Bench(
        tasks=(
            "Set w to 0.8. After how many steps is the gradient halved?",
            "Keep 0.8 and raise T. After how many steps is the gradient 0 in float32?",
            "At which w does the gradient keep its size?",
        ),
        controls=(
            Slider("weight", "Weight w", 0.5, 1.5, 0.9, 0.01, help="The only recurrent weight, of a linear neuron."),
            Slider("steps", "Steps back T", 1, 600, 100, 1),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(r"\frac{\partial h_T}{\partial h_0} = w^T, \qquad T_{1/2} = \frac{\ln 2}{|\ln w|}",
                      "∂h(T)/∂h(0) = w to the power T;   half-life = ln 2 / |ln w|",
                      "w: the weight. h: the neuron's state, from timestep 0 to T. T½: its half-life in steps"),
)  # fmt: skip
