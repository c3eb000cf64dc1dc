"""The largest singular value: enough to say that a gradient vanishes, not enough to say that it explodes."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, LN_10, NEUTRAL, OTHER_COLOURS
from analysis.simulations.way_back import STEPS, WayBack, record_way_back
from analysis.wording import power_of_ten, significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict, outcome
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.statement import says

BELOW, ABOVE, NON_NORMAL, DRIVEN = 0.9, 1.1, 1.75, 3.0
"""Largest singular values that the verdict looks at."""
KINDS = {
    "orthogonal": "Orthogonal, linear",
    "gaussian": "Gaussian, linear",
    "tanh": "Gaussian, tanh, with inputs",
}


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
        LagLine("bound normᵏ", lag, b.bound, NEUTRAL, "dash"),
    ]
    sentence = "The bound assumes the largest singular value at every step. The gradient meets smaller ones."
    alt = f"{title}; the bound says {power_of_ten(float(b.bound[-1]) / LN_10)}."
    return lag_picture(name, title, lines, sentence, alt, decades=(low, high))


def draw(values: Values) -> Scene:
    """The chosen network's way back."""
    b = record_way_back(str(values["kind"]), float(values["norm"]))
    left = power_of_ten(float(b.recorded[-1]) / LN_10)
    slope = "and the slopes of tanh" if values["kind"] == "tanh" else ""
    words = f"""##### Now
- spectral norm (largest singular value): **{significant(b.spectrum.spectral_norm)}**
- spectral radius (largest eigenvalue): **{significant(b.spectrum.spectral_radius)}** {slope}
- left after {STEPS} steps: **{left}**
"""
    title = f"Norm {significant(b.spectrum.spectral_norm)}: {left} is left after {STEPS} steps"
    return Scene({"gradient": picture("largest-singular-value", b, title)}, words)


def decide(m: Measured) -> Verdict:
    """One half is a theorem, the other half only looks like one."""
    worst = max(b.left for b in m.below.values())
    peak = int(np.argmax(m.non_normal.largest))
    return Verdict(
        truth="true" if m.vanishes_below and m.explodes_above else ("half true" if m.vanishes_below else "false"),
        was_true=(
            says(
                "Below 1 it always vanishes: at {norm} at most {left:decades} is left, in all {kinds:whole} networks.",
                m.vanishes_below,
                norm=BELOW,
                left=worst,
                kinds=len(m.below),
            ),
        ),
        was_not=(
            says(
                "Above 1 it may vanish: norm {norm}, radius {radius}: {left:decades} is left.",
                m.non_normal.spectrum.spectral_norm > 1 > m.non_normal.spectrum.spectral_radius
                and m.non_normal.left < 0,
                norm=m.non_normal.spectrum.spectral_norm,
                radius=m.non_normal.spectrum.spectral_radius,
                left=m.non_normal.left,
            ),
            says(
                "Even with a radius of {radius}: tanh with inputs at norm {norm} shrinks, {rate:rate}.",
                m.driven.spectrum.spectral_radius > 1 and m.driven.exponent < 0,
                norm=m.driven.spectrum.spectral_norm,
                radius=m.driven.spectrum.spectral_radius,
                rate=m.driven.exponent,
            ),
        ),
        why=says(
            "The norm is what one step can do at most. The next step can do less: the non-normal product "
            "rises to {peak} at lag {lag:whole}, then its eigenvalues take over.",
            peak > 1 and m.non_normal.largest[peak] > 0 > m.non_normal.largest[-1],
            peak=math.exp(float(m.non_normal.largest[peak])),
            lag=peak,
        ),
        answers=(
            says("All three: at {norm} at most {left:decades} is left.", m.vanishes_below, norm=BELOW, left=worst),
            says(
                "At norm {norm} only {left:decades} is left: its radius, {radius}, is below 1.",
                m.non_normal.left < 0 and m.non_normal.spectrum.spectral_radius < 1,
                norm=m.non_normal.spectrum.spectral_norm,
                radius=m.non_normal.spectrum.spectral_radius,
                left=m.non_normal.left,
            ),
            says(
                "No. At norm {norm} it still shrinks: inputs saturate the units, and their mean slope is {slope}.",
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
        "a": "Norm {norm} did not explode; norm {below} did vanish.",
        "b": "Norm {below} vanished in every network; norm {norm} did not explode.",
        "c": "It is the other way round: norm {below} always vanished, norm {norm} did not explode.",
        "d": "Norm {norm} did not explode, as you say; but norm {below} always vanished.",
    }[str(guess)]
    return Reply(outcome(found, believed), says(said, found == (True, False), **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The non-normal counterexample."""
    left = power_of_ten(m.non_normal.left)
    title = f"Norm {significant(m.non_normal.spectrum.spectral_norm)}: at most {left} is left"
    return picture("largest-singular-value-verdict", m.non_normal, title)


LESSON = Lesson(
    number=3,
    title="The largest singular value",
    about="Is it sufficient, necessary, or neither?",
    claim="Largest singular value > 1: exploding gradients. Largest singular value < 1: vanishing gradients.",
    source="lecture slides 003; the theorem is in Pascanu et al. 2013, §2.1",
    question=Choices(
        asks="Which half of the claim holds for every recurrent matrix, linear or tanh?",
        answers={
            "a": "Both halves.",
            "b": "Only “< 1 vanishes”.",
            "c": "Only “> 1 explodes”.",
            "d": "Neither.",
        },
    ),
    bench=Bench(
        tasks=(
            "Set the value to 0.9. Which of the three networks vanish?",
            "Choose Gaussian, linear and raise the value to 1.75. Does the gradient explode?",
            "Choose Gaussian, tanh and raise the value to 3. Does it explode now?",
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
    ),
)
