"""The largest singular value: enough to say that a gradient vanishes, not enough to say that it explodes."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, NEUTRAL, OTHER_COLOURS
from analysis.numbers import LN_10
from analysis.simulations.way_back import STEPS, WayBack, record_way_back
from analysis.wording import power_of_ten, significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict, outcome
from dashboard.lessons.networks_drawn import MATRIX_CHAIN
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import PASCANU_2013, SLIDES_003
from dashboard.lessons.statement import says

BELOW, ABOVE, NON_NORMAL, DRIVEN = 0.9, 1.1, 1.75, 3.0
"""Largest singular values that the verdict looks at."""
KINDS = {
    "orthogonal": "Orthogonal, linear",
    "gaussian": "Gaussian, linear",
    "tanh": "Gaussian, tanh, with inputs",
}
ONE_LINE = 0.05
"""Nats by which lines may differ that are seen as one."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    below: dict[str, WayBack]
    """Every kind, at a norm below 1."""
    above: WayBack
    """Orthogonal, at a norm above 1."""
    non_normal: WayBack
    """Gaussian and linear, at a norm well above 1."""
    driven: WayBack
    """tanh with inputs, at a norm of 3."""

    @property
    def vanishes_below(self) -> bool:
        """Whether all networks below 1 stay under the bound and lose three decades."""
        return all((b.largest <= b.bound + 1e-9).all() and b.left < -3 for b in self.below.values())

    @property
    def explodes_above(self) -> bool:
        """Whether all networks above 1 grow."""
        return all(b.left > 0 for b in (self.above, self.non_normal, self.driven))


def measure() -> Measured:
    """Six networks."""
    return Measured(
        {kind: record_way_back(kind, BELOW) for kind in KINDS},
        record_way_back("orthogonal", ABOVE),
        record_way_back("gaussian", NON_NORMAL),
        record_way_back("tanh", DRIVEN, driven_steps=500),
    )


def picture(name: str, b: WayBack, title: str) -> Picture:
    """What is recorded, what is possible at most, and the bound."""
    lag = np.arange(len(b.recorded), dtype=float)
    low, high = -0.08 * len(lag), 0.06 * len(lag)
    lines = [
        LagLine("recorded dL/dh", lag, b.recorded, CELL_COLOURS["elman"]),
        LagLine("largest possible", lag, b.largest, OTHER_COLOURS[1]),
        LagLine("upper bound", lag, b.bound, NEUTRAL, "dash"),
    ]
    values = b.spectrum.singular_values
    if np.ptp(values) < 1e-6 * values[0] and np.ptp([line.log[-1] for line in lines]) < ONE_LINE:
        sentence = "All singular values are equal here, so that the recorded gradient follows its bound: one line."
    else:
        sentence = (
            "The bound takes the largest singular value at every step back. The gradient also meets smaller ones."
        )
    alt = f"{title}; the bound says {power_of_ten(float(b.bound[-1]) / LN_10)}."
    return lag_picture(name, title, lines, sentence, alt, decades=(low, high))


def draw(values: Values) -> Scene:
    """The chosen network's way back."""
    b = record_way_back(str(values["kind"]), float(values["norm"]))
    left = power_of_ten(float(b.recorded[-1]) / LN_10)
    slope = "\n- each step also multiplies by the slopes of tanh, at most 1" if values["kind"] == "tanh" else ""
    words = f"""## Now
- largest singular value: **{significant(b.spectrum.spectral_norm)}**
- spectral radius (largest |eigenvalue|): **{significant(b.spectrum.spectral_radius)}**{slope}
- left after {STEPS} steps: **{left}**
- the most that could be left: **{power_of_ten(b.left)}**
"""
    title = f"Largest singular value {significant(b.spectrum.spectral_norm)}: {left} is left"
    return Scene({"gradient": picture("largest-singular-value", b, title)}, words)


def decide(m: Measured) -> Verdict:
    """One half is a theorem, the other half only looks like one."""
    worst = max(b.left for b in m.below.values())
    peak = int(np.argmax(m.non_normal.largest))
    return Verdict(
        truth="true" if m.vanishes_below and m.explodes_above else ("half true" if m.vanishes_below else "false"),
        was_true=(
            says(
                "Below 1 the gradient always vanishes. At {norm}, at most {left:decades} is left in all {kinds:whole} "
                "networks.",
                m.vanishes_below,
                norm=BELOW,
                left=worst,
                kinds=len(m.below),
            ),
        ),
        was_not=(
            says(
                "Above 1 it may vanish, too. At {norm}, with a spectral radius of {radius}, at most "
                "{left:decades} is left.",
                m.non_normal.spectrum.spectral_norm > 1 > m.non_normal.spectrum.spectral_radius
                and m.non_normal.left < 0,
                norm=m.non_normal.spectrum.spectral_norm,
                radius=m.non_normal.spectrum.spectral_radius,
                left=m.non_normal.left,
            ),
            says(
                "It may shrink even with a spectral radius of {radius}: the tanh network at {norm} keeps {rate:rate}.",
                m.driven.spectrum.spectral_radius > 1 and m.driven.exponent < 0,
                norm=m.driven.spectrum.spectral_norm,
                radius=m.driven.spectrum.spectral_radius,
                rate=m.driven.exponent,
            ),
        ),
        why=says(
            "The largest singular value is the most that one step can do. The next step may do less. Here the product "
            "of the matrices grows to {peak} in {lag:whole} steps; then its eigenvalues decide, and it shrinks.",
            peak > 1 and m.non_normal.largest[peak] > 0 > m.non_normal.largest[-1],
            peak=math.exp(float(m.non_normal.largest[peak])),
            lag=peak,
        ),
        answers=(
            says("In all three. At {norm}, at most {left:decades} is left.", m.vanishes_below, norm=BELOW, left=worst),
            says(
                "No. At {norm} at most {left:decades} is left, because the spectral radius, {radius}, is below 1.",
                m.non_normal.left < 0 and m.non_normal.spectrum.spectral_radius < 1,
                norm=m.non_normal.spectrum.spectral_norm,
                radius=m.non_normal.spectrum.spectral_radius,
                left=m.non_normal.left,
            ),
            says(
                "No. At {norm} it still shrinks: the inputs saturate the units, and the mean slope of tanh is {slope}.",
                m.driven.exponent < 0 and m.driven.slope < 1,
                norm=m.driven.spectrum.spectral_norm,
                slope=m.driven.slope,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is the choice that says of both halves what was measured."""
    believed = {"a": (True, True), "b": (True, False), "c": (False, True), "d": (False, False)}[str(guess)]
    found = (m.vanishes_below, m.explodes_above)
    numbers = {"norm": m.non_normal.spectrum.spectral_norm, "below": BELOW}
    said = {
        "a": "At {norm} the gradient did not explode; at {below} it vanished, as you say.",
        "b": "At {below} the gradient vanished in every network; at {norm} it did not explode.",
        "c": "It is the other way round: at {below} the gradient always vanished; at {norm} it did not explode.",
        "d": "At {norm} the gradient did not explode, as you say; but at {below} it always vanished.",
    }[str(guess)]
    return Reply(outcome(found, believed), says(said, found == (True, False), **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The non-normal counterexample."""
    left = power_of_ten(m.non_normal.left)
    title = f"At {significant(m.non_normal.spectrum.spectral_norm)}, at most {left} is left"
    return picture("largest-singular-value-verdict", m.non_normal, title)


LESSON = Lesson(
    number=3,
    title="The largest singular value",
    about="Does it tell whether a gradient vanishes or explodes?",
    claim="Largest singular value > 1: exploding gradients. Largest singular value < 1: vanishing gradients.",
    source=f"{SLIDES_003}. The theorem: {PASCANU_2013}, section 2.1",
    diagram=MATRIX_CHAIN,
    question=Choices(
        asks="W is the recurrent matrix of a linear network or of a tanh network. Which half of the claim is true for "
        "every W?",
        answers={
            "a": "Both halves.",
            "b": "Only “< 1 vanishes”.",
            "c": "Only “> 1 explodes”.",
            "d": "Neither.",
        },
    ),
    bench=Bench(
        tasks=(
            "Set the value to 0.9. In which of the three networks does the gradient vanish?",
            "Choose “Gaussian, linear” and raise the value to 1.75. Does the gradient explode?",
            "Choose “Gaussian, tanh, with inputs” and raise the value to 3. Does it explode now?",
        ),
        controls=(
            Slider("norm", "Largest singular value", 0.2, 3.5, 1.1, 0.05),
            Pick("kind", "Network", KINDS, "orthogonal"),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\Big\lVert\frac{\partial h_T}{\partial h_{T-k}}\Big\rVert \le (\gamma\,\lVert W\rVert)^k,"
        r"\qquad \gamma_{\tanh} = \gamma_{\mathrm{linear}} = 1",
        "‖∂h(T)/∂h(T−k)‖ ≤ (γ ‖W‖) to the power k,   γ = 1 for tanh and linear",
        "‖·‖: the largest singular value. k: the steps back from T. γ: the steepest slope of a unit",
    ),
)
