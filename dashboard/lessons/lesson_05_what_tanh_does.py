"""What tanh does to gradients: it bounds the states, it does not bound the gradients."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.course import course
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, OTHER_COLOURS
from analysis.numbers import LN_10
from analysis.simulations.wide_tanh import SATURATED, STEPS, UNITS, WideTanh, record_wide_tanh
from analysis.theory import critical_gain, mean_field
from analysis.wording import exact_percent, power_of_ten, rate, significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.networks_drawn import RANDOM_TANH
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import SLIDES_000, SLIDES_002, SOMPOLINSKY_1988
from dashboard.lessons.statement import says

CHAOTIC, QUIET = 3.0, 0.9
DRIVEN_GAIN, DRIVE = 1.5, 1.0
"""Gains, and an input variance, that the verdict looks at."""
GAINS = np.linspace(0.2, 4.0, 39)


@lru_cache(maxsize=64)
def theory(variance: float) -> Float[ndarray, " gain"]:
    """The mean-field rate ½ ln χ at each gain (nats per step)."""
    return np.array([mean_field(float(gain), variance).rate for gain in GAINS])


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    chaotic: WideTanh
    """Gain 3, no inputs."""
    quiet: WideTanh
    """Gain 0.9, no inputs."""
    driven: WideTanh
    """Gain 1.5, above the critical gain without inputs, with inputs."""
    critical: tuple[float, float]
    """The critical gain without inputs, and with."""

    @property
    def explodes(self) -> bool:
        """Whether the chaotic network's gradient explodes while no state has left ±1."""
        return course(self.chaotic.log).kind == "explodes" and self.chaotic.largest_state <= 1


def measure() -> Measured:
    """Three networks, and the theory's critical gains."""
    return Measured(
        record_wide_tanh(CHAOTIC, 0.0),
        record_wide_tanh(QUIET, 0.0),
        record_wide_tanh(DRIVEN_GAIN, DRIVE),
        (critical_gain(0.0), critical_gain(DRIVE)),
    )


def gradient(name: str, r: WideTanh, title: str) -> Picture:
    """The recorded gradient beside the line of its exponent."""
    lag = np.arange(len(r.log), dtype=float)
    lines = [
        LagLine("recorded dL/dh", lag, r.log, CELL_COLOURS["elman"]),
        LagLine("slope of the exponent", lag, r.exponent * lag, OTHER_COLOURS[1], "dash"),
    ]
    sentence = "The Lyapunov exponent is the slope of the gradient's line in the long run (nats per step)."
    return lag_picture(name, title, lines, sentence, f"{title}; exponent {rate(r.exponent)}.", decades=(-40, 45))


def draw(values: Values) -> Scene:
    """The exponent over the gain, and this network's gradient."""
    gain, variance = float(values["gain"]), float(values["variance"])
    r, critical = record_wide_tanh(gain, variance), critical_gain(variance)
    finite = math.isfinite(r.exponent)
    state = "chaos" if r.exponent > 0 else "order"
    exponents = setting_picture(
        "exponent-over-gain",
        f"Critical gain {significant(critical)}; here: {state}",
        [
            SettingLine("theory (infinite width)", GAINS, theory(variance), OTHER_COLOURS[1]),
            SettingLine(f"measured, {UNITS} units", np.array([gain]), np.array([r.exponent]), CELL_COLOURS["elman"]),
        ],
        "Above 0, changes and gradients grow (chaos). Below, they shrink (order).",
        f"Exponent {significant(r.exponent)} at gain {significant(gain)}, critical gain {significant(critical)}.",
        x_title="gain of the weights",
        y_title="exponent (nats per step)",
        limits=(-1.5, 0.6),
    )
    left = power_of_ten(float(r.log[-1]) / LN_10)
    words = f"""## Now
- largest |h|: **{below_one(r.largest_state)}**
- values beyond ±{SATURATED}: **{exact_percent(r.saturated)}**
- exponent: **{significant(r.exponent) if finite else "−∞"}**
- gradient left: **{left}**
"""
    picture = gradient("tanh-gradient", r, f"Gradient {left} after {STEPS} steps")
    return Scene({"exponent": exponents, "gradient": picture}, words)


def below_one(state: float) -> str:
    """A state in words; one that would round to 1 as its distance from there."""
    return significant(state) if state < 0.9995 or state == 1 else f"1 − {significant(1 - state)}"


def decide(m: Measured) -> Verdict:
    """Bounded states, unbounded gradients."""
    return Verdict(
        truth="half true" if m.explodes else "true",
        was_true=(
            says(
                "It is true of the states: at gain {gain} every |h| is below 1. The largest is 1 − {gap}.",
                m.chaotic.largest_state <= 1,
                gain=CHAOTIC,
                gap=1 - m.chaotic.largest_state,
            ),
        ),
        was_not=(
            says(
                "It is not true of the gradients: they grow to {left:decades} in {steps:whole} steps, {rate:rate}.",
                m.explodes and m.chaotic.exponent > 0,
                left=float(m.chaotic.log[-1]) / LN_10,
                steps=STEPS,
                rate=m.chaotic.exponent,
            ),
            says(
                "Saturation does not always prevent it: here {saturated:share} of the values are beyond ±{near}.",
                m.explodes and m.chaotic.saturated > 0.2,
                saturated=m.chaotic.saturated,
                near=SATURATED,
            ),
        ),
        why=says(
            "W makes the gradient grow, and the slopes of tanh make it shrink. They are equal at the critical gain: "
            "{zero} without inputs, {driven} at input variance {variance}.",
            m.critical[0] < m.critical[1] and m.quiet.exponent < 0 < m.chaotic.exponent,
            zero=m.critical[0],
            driven=m.critical[1],
            variance=DRIVE,
        ),
        answers=(
            says(
                "At gain {zero}, in theory. With {units:whole} units it crosses 0 a little later.",
                abs(mean_field(m.critical[0] * 1.02, 0.0).rate) < 0.02,
                zero=m.critical[0],
                units=UNITS,
            ),
            says(
                "At gain {driven}, because the inputs saturate the units. At {gain} the gradient shrinks, {rate:rate}.",
                m.driven.exponent < 0 and m.critical[1] > m.critical[0],
                driven=m.critical[1],
                gain=DRIVEN_GAIN,
                rate=m.driven.exponent,
            ),
            says(
                "{saturated:share} of them, but the gradient grows to {left:decades}.",
                m.explodes,
                saturated=m.chaotic.saturated,
                left=float(m.chaotic.log[-1]) / LN_10,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is what the chaotic network did."""
    explodes = m.explodes
    numbers = {"left": float(m.chaotic.log[-1]) / LN_10, "steps": STEPS}
    if guess == "a":
        said = "Every |h| stays below 1, but the gradient grows to {left:decades} in {steps:whole} steps."
        return Reply("wrong" if explodes else "right", says(said, explodes, **numbers))
    if guess == "b":
        said = "It grows to {left:decades} in {steps:whole} steps, while every |h| stays below 1."
        return Reply("right" if explodes else "wrong", says(said, explodes, **numbers))
    said = "{share:share} of the values are saturated, as you say; but the gradient grows to {left:decades}."
    share = m.chaotic.saturated
    return Reply(
        "partly" if explodes else "right", says(said, explodes and share > 0.2, share=share, left=numbers["left"])
    )


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The chaotic network's gradient."""
    left = power_of_ten(float(m.chaotic.log[-1]) / LN_10)
    return gradient("tanh-verdict", m.chaotic, f"Gain {significant(CHAOTIC)}: {left} after {STEPS} steps")


LESSON = Lesson(
    number=5,
    title="What tanh does to gradients",
    about="Saturation, the critical gain, and chaos.",
    claim="tanh bounds the states and ‘thus avoids a potential explosion of the state values’. So gradients cannot "
    "explode.",
    source=f"the words on states: {SLIDES_002}; chaos: {SLIDES_000}; {SOMPOLINSKY_1988}. The conclusion is common",
    diagram=RANDOM_TANH,
    question=Choices(
        asks="A network has 128 tanh units, no inputs, and random weights of gain 3: their standard deviation is "
        "3/√128. What happens to a gradient on its way back?",
        answers={
            "a": "It cannot explode: states are bounded, and tanh′\N{NO-BREAK SPACE}≤\N{NO-BREAK SPACE}1.",
            "b": "It explodes, although every state stays within ±1.",
            "c": "It vanishes: at that gain the units saturate.",
        },
    ),
    bench=Bench(
        tasks=(
            "Set the input variance to 0. At which gain does the theory's exponent cross 0?",
            "Set the input variance to 1. At which gain does it cross 0 now?",
            f"Set gain 3 and input variance 0. How many values are beyond ±{SATURATED}?",
        ),
        controls=(
            Slider("gain", "Gain of the weights", 0.2, 4.0, 1.5, 0.05, help="Their standard deviation times √units."),
            Slider("variance", "Input variance", 0.0, 2.0, 0.0, 0.05, help="Of fresh random inputs at every step."),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1-h_t^2)\,W, \qquad"
        r"\text{exponent} \to \tfrac12 \ln\, g^2\, \mathbb{E}\,\tanh'^2",
        "∂h(t)/∂h(t−1) = diag(1 − h(t)²) W;   exponent → ½ ln( g² · mean of tanh′² )",
        "W: the recurrent weights. g: their gain. tanh′: the slopes, 1 − h². E: the mean over units",
    ),
)
