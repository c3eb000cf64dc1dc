"""The largest weight says nothing of a matrix: two that refute it."""

from dataclasses import dataclass

import numpy as np

from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import OTHER_COLOURS
from analysis.numbers import LN_10
from analysis.simulations.linear_matrix import STEPS, LinearCase, corner_matrix, flat_matrix, record_linear
from analysis.wording import power_of_ten, significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Reply, Scene, Slider, Values, Verdict, outcome
from dashboard.lessons.networks_drawn import TWO_MATRICES
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import PASCANU_2013, SLIDES_001
from dashboard.lessons.statement import says

CORNER, FLAT, SIZE = 10.0, 0.1, 64
"""The weight of [[0, a], [0, 0]], and the value and side of a matrix of equal weights."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    corner: LinearCase
    flat: LinearCase
    scalars: tuple[LinearCase, LinearCase]
    """One neuron of weight 0.8, and one of 1.25."""
    critical: float
    """The equal weight at which a matrix of this side neither grows nor shrinks, by bisection on the gradient."""


def measure() -> Measured:
    """The two matrices, the scalar for which the claim was made, and where equal weights begin to explode."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if record_linear(flat_matrix(middle, SIZE)).grows else (middle, high)
    scalars = record_linear(np.array([[0.8]])), record_linear(np.array([[1.25]]))
    return Measured(record_linear(corner_matrix(CORNER)), record_linear(flat_matrix(FLAT, SIZE)), scalars, high)


def picture(name: str, title: str, a: LinearCase, b: LinearCase) -> Picture:
    """Both gradients."""
    lag = np.arange(STEPS + 1.0)
    lines = [
        LagLine("B: all weights b", lag, b.log, OTHER_COLOURS[1], marks=True),
        LagLine("A: [[0, a], [0, 0]]", lag, a.log, OTHER_COLOURS[0], marks=True),  # on top: it has two points only
    ]
    sentence = "Each step back multiplies the gradient by the transposed matrix. Triangles mark exact zeros."
    return lag_picture(name, title, lines, sentence, f"{title}.", decades=(-20, 30))


def left(c: LinearCase) -> str:
    """What is left at the end, in words."""
    return power_of_ten(float(c.log[-1]) / LN_10)


def draw(values: Values) -> Scene:
    """Both matrices."""
    a = record_linear(corner_matrix(float(values["corner"])))
    b = record_linear(flat_matrix(float(values["flat"]), int(float(values["size"]))))
    words = f"""## Now
|  | A | B |
|---|--:|--:|
| largest weight | {significant(a.largest_weight)} | {significant(b.largest_weight)} |
| largest \\|eigenvalue\\| | {significant(a.spectrum.spectral_radius)} | {significant(b.spectrum.spectral_radius)} |
| after {STEPS} steps | **{left(a)}** | **{left(b)}** |
"""
    title = f"After {STEPS} steps: A keeps {left(a)}, B keeps {left(b)}"
    return Scene({"gradients": picture("largest-weight", title, a, b)}, words)


def decide(m: Measured) -> Verdict:
    """True of a single neuron, false of two."""
    a, b = m.corner, m.flat
    small, large = m.scalars
    refuted = a.largest_weight > 1 and not a.explodes and b.largest_weight < 1 and b.explodes
    zero = float(a.zero_from or 0)
    return Verdict(
        truth="false" if refuted else "true",
        was_true=(
            says(
                "It is true of a single neuron: the weight {small} makes the gradient vanish, {large} makes it grow.",
                not small.grows and large.grows,
                small=small.largest_weight,
                large=large.largest_weight,
            ),
        ),
        was_not=(
            says(
                "The largest weight of A is {weight}, but its gradient is exactly 0 from step {zero:whole} on.",
                a.largest_weight > 1 and a.zero_from is not None,
                weight=a.largest_weight,
                zero=zero,
            ),
            says(
                "The largest weight of B is {weight}, but its gradient grows to {left:decades} in {steps:whole} steps.",
                b.largest_weight < 1 and b.explodes,
                weight=b.largest_weight,
                left=float(b.log[-1]) / LN_10,
                steps=STEPS,
            ),
        ),
        why=says(
            "In the long run the spectral radius (the largest |eigenvalue|) decides. It is {a} for A. For B it is {b}, "
            "because {size:whole} small weights add up.",
            a.spectrum.spectral_radius < 1 < b.spectrum.spectral_radius
            and abs(b.spectrum.spectral_radius - SIZE * FLAT) < 1e-9,
            a=a.spectrum.spectral_radius,
            b=b.spectrum.spectral_radius,
            size=SIZE,
        ),
        answers=(
            says(
                "At none: the spectral radius of A is {radius} for every a.",
                a.spectrum.spectral_radius == 0,
                radius=a.spectrum.spectral_radius,
            ),
            says(
                "Below b = {critical}, which is 1 divided by the side.",
                abs(m.critical * SIZE - 1) < 1e-6,
                critical=m.critical,
            ),
            says(
                "It is the side times b: {radius} at the start.",
                abs(b.spectrum.spectral_radius - SIZE * FLAT) < 1e-9,
                radius=b.spectrum.spectral_radius,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is what both matrices did."""
    believed = {"a": (True, False), "b": (False, True), "c": (True, True), "d": (False, False)}[str(guess)]
    found = (m.corner.explodes, m.flat.explodes)
    said = {
        "a": "It is the other way round: A's gradient is 0 from step {zero:whole} on, and B's grows to {b:decades}.",
        "b": "A's gradient is 0 from step {zero:whole} on, and B's grows to {b:decades}.",
        "c": "B's gradient explodes, to {b:decades}; but A's is 0 from step {zero:whole} on.",
        "d": "A's gradient vanishes, at step {zero:whole}; but B's grows to {b:decades}.",
    }[str(guess)]
    holds = found == (False, True) and m.corner.zero_from is not None
    return Reply(
        outcome(found, believed), says(said, holds, zero=m.corner.zero_from or 0, b=float(m.flat.log[-1]) / LN_10)
    )


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """Both gradients, at the weights of the question."""
    title = f"A vanishes at once, B grows to {left(m.flat)}"
    return picture("largest-weight-verdict", title, m.corner, m.flat)


LESSON = Lesson(
    number=4,
    title="The largest weight",
    about="Two matrices that refute “the largest weight decides”.",
    claim="If the largest weight value is > 1, the gradient explodes; if it is < 1, the gradient vanishes.",
    source=f"{SLIDES_001}. What decides: {PASCANU_2013}, section 2.1",
    diagram=TWO_MATRICES,
    question=Choices(
        asks="In two linear networks, the gradient goes 20 steps back. Matrix A is [[0,\N{NO-BREAK SPACE}10], "
        "[0,\N{NO-BREAK SPACE}0]]. Matrix B is 64×64, and all its weights are 0.1. What happens to the gradients?",
        answers={
            "a": "A explodes, B vanishes.",
            "b": "A vanishes, B explodes.",
            "c": "Both explode.",
            "d": "Both vanish.",
        },
    ),
    bench=Bench(
        tasks=(
            "At which weight a does A explode?",
            "Lower the weight b. When does B stop exploding?",
            "Change the side of B. How does the spectral radius follow from the side and b?",
        ),
        controls=(
            Slider("corner", "A: the one weight a", 0.1, 100.0, CORNER, 0.05, logarithmic=True),
            Slider("flat", "B: every weight b", 0.002, 1.0, FLAT, 0.02, logarithmic=True),
            Slider("size", "B: side", 2, 64, SIZE, 1),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\lim_{k\to\infty} \lVert W^k\rVert^{1/k} = \rho(W), \qquad \max_{ij}|W_{ij}| \text{ does not enter}",
        "‖W to the power k‖ to the power 1/k → ρ(W);   max |W(i,j)| does not enter",
        "ρ(W): the spectral radius, the largest |eigenvalue| of W. k: the number of steps. ‖·‖: the largest singular "
        "value",
    ),
)
