"""Latching: a unit that holds a bit against noise does so by shrinking differences, and its gradient with them."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, NEUTRAL, OTHER_COLOURS
from analysis.scalar import latch
from analysis.simulations.latching import SEQUENCES, STEPS, Latching, record_latching
from analysis.wording import exact_percent, power_of_ten, significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict, outcome
from dashboard.lessons.networks_drawn import NOISY_LATCH
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import BENGIO_1994
from dashboard.lessons.statement import says

WEIGHT, NOISE = 2.0, 0.5
"""The latch that the verdict looks at; its noise lies just within what it withstands."""
WEIGHTS = np.sort([1.01, 1.02, *np.linspace(0.8, 3.0, 23)])
UNITS = {"tanh": "tanh", "identity": "Linear"}
DRAWN = 3
"""Sequences of each sign that are drawn."""
SEEN = 2.0
"""States up to ± this share one axis, whatever the setting; a linear unit's may leave it."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    latch: Latching
    linear: Latching
    """A linear unit with w = 1."""
    others: list[Latching]
    """Both units, over many weights."""
    slope: float
    """w tanh′ where the latch rests without noise."""
    withstands: float
    """Noise that cannot flip it (the theorem)."""

    @property
    def found(self) -> tuple[bool, bool]:
        """Whether the latch keeps every bit, and whether its gradient lasts."""
        return self.latch.kept == 1, self.latch.lasts

    @property
    def best(self) -> float:
        """The largest share of bits kept by any unit whose gradient lasts."""
        return max(r.kept for r in self.others if r.lasts)

    @property
    def sure(self) -> float:
        """The smallest weight from which on a linear unit keeps every bit; infinite if it never does."""
        loses = [w for w, r in zip(WEIGHTS, self.others[len(WEIGHTS) :], strict=True) if r.kept < 1]
        return float(min(WEIGHTS[max(loses) < WEIGHTS], default=np.inf)) if loses else float(WEIGHTS[0])


def measure() -> Measured:
    """The latch, the linear unit, and both over a row of weights; 200 noisy sequences each."""
    rest = latch(WEIGHT, 0.0)
    return Measured(
        record_latching("tanh", WEIGHT, NOISE),
        record_latching("identity", 1.0, NOISE),
        [record_latching(unit, float(w), NOISE) for unit in UNITS for w in WEIGHTS],
        float(rest.slopes[-1]),
        rest.largest_bias or 0.0,
    )


def gradient(name: str, lines: list[LagLine], title: str, lowest: int = -30) -> Picture:
    """What is left of the gradient over the steps back, down to a power of ten."""
    sentence = "The recorded gradient of the last state, median over all sequences."
    return lag_picture(name, title, lines, sentence, f"{title}.", decades=(lowest, 10))


def states(title: str, r: Latching) -> Picture:
    """A few sequences' states over time, coloured by their first input."""
    t = np.arange(1, STEPS + 2, dtype=float)
    colours = {1.0: OTHER_COLOURS[2], -1.0: OTHER_COLOURS[1]}
    chosen = [s for sign in colours for s in np.flatnonzero(r.began == sign)[:DRAWN]]
    lines = [
        SettingLine("told +1" if r.began[s] > 0 else "told −1", t, r.hidden[:, s], colours[r.began[s]]) for s in chosen
    ]
    leaves = max(np.abs(line.y).max() for line in lines) > SEEN
    made = setting_picture(
        "latch-states", title, lines, f"{DRAWN} sequences of each sign, with noise at every step.", f"{title}.",
        x_title="timestep t", y_title="state h", limits=None if leaves else (-SEEN, SEEN),
    )  # fmt: skip
    for k, line in enumerate(made.figure.data):
        line.update(showlegend=k % DRAWN == 0, line={"width": 1.5})
    return made


def draw(values: Values) -> Scene:
    """The states, and the gradient of the last one."""
    unit, weight, noise = str(values["unit"]), float(values["weight"]), float(values["noise"])
    r = record_latching(unit, weight, noise)
    rest = latch(weight, 0.0)
    slope = weight if unit == "identity" else float(rest.slopes[-1])
    withstands = rest.largest_bias if unit == "tanh" and rest.bistable else None
    lag = np.arange(STEPS + 1, dtype=float)
    lines = [
        LagLine("recorded dL/dh", lag, r.log, CELL_COLOURS["elman"]),
        LagLine("at rest: slopeᵏ", lag, lag * math.log(slope), NEUTRAL, "dash"),
    ]
    words = f"""## Now
- bits kept: **{exact_percent(r.kept)}** of {SEQUENCES}
- gradient left: **{power_of_ten(r.left)}**
- slope at rest: **{significant(slope)}**
- noise that it withstands: {"none" if withstands is None else f"±{significant(withstands)}"}
"""
    left = gradient("latch-gradient", lines, f"Gradient {power_of_ten(r.left)} after {STEPS} steps")
    return Scene({"states": states(f"{exact_percent(r.kept)} of the bits are kept", r), "gradient": left}, words)


def decide(m: Measured) -> Verdict:
    """Holding is attracting, and attracting is vanishing."""
    keeps, lasts = m.found
    return Verdict(
        truth="false" if keeps and not lasts else "half true",
        was_true=(
            says(
                "A gradient can last: a linear unit with w = 1 keeps all of it ({left:decades}). But in such a unit "
                "the noise adds up, and only {kept:share} of the bits survive (a guess: {guess:share}).",
                m.linear.lasts and m.linear.kept < 0.8,
                left=m.linear.left,
                kept=m.linear.kept,
                guess=1 / len((-1, 1)),
            ),
        ),
        was_not=(
            says(
                "The latch (tanh, w = {weight}) keeps {kept:share} of {n:whole} bits for {steps:whole} steps, but only "
                "{left:decades} of its gradient is left.",
                keeps and m.latch.left < -20,
                weight=WEIGHT,
                kept=m.latch.kept,
                n=SEQUENCES,
                steps=STEPS,
                left=m.latch.left,
            ),
        ),
        why=says(
            "A unit that holds a state makes all differences from it smaller: the noise, and the gradient, too. At "
            "rest, a step multiplies them by w·tanh′ = {slope}. Measured: {rate:rate}.",
            m.slope < 1 and abs(m.latch.log[-1] / STEPS - math.log(m.slope)) < 0.1,
            slope=m.slope,
            rate=float(m.latch.log[-1]) / STEPS,
        ),
        answers=(
            says(
                "{left:decades}. All bits are certainly kept from about w = {weight} on, where the unit withstands "
                "±{withstands}, more than the noise of ±{noise}.",
                keeps and NOISE < m.withstands < 1.1 * NOISE,
                noise=NOISE,
                weight=WEIGHT,
                withstands=m.withstands,
                left=m.latch.left,
            ),
            says(
                "All of it: {left:decades}. But only {kept:share} of the bits survive.",
                m.linear.lasts and m.linear.kept < 0.8,
                left=m.linear.left,
                kept=m.linear.kept,
            ),
            says(
                "There is none among the {n:whole} that were tried. Where the gradient lasts, at most {best:share} of "
                "the bits are kept. A linear unit keeps them all from about w = {sure} on, but its gradient explodes.",
                m.best < 0.9 and any(r.kept == 1 and r.left > 1 for r in m.others[len(WEIGHTS) :]),
                n=len(m.others),
                best=m.best,
                sure=m.sure,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is what the latch did with its bits and its gradient."""
    believed = {"a": (True, True), "b": (True, False), "c": (False, True), "d": (False, False)}[str(guess)]
    said = {
        "a": "It keeps {kept:share} of the bits, as you say; but only {left:decades} of the gradient is left.",
        "b": "It keeps {kept:share} of the bits, but only {left:decades} of the gradient is left.",
        "c": "It is the other way round: it keeps {kept:share} of the bits and {left:decades} of the gradient.",
        "d": "The gradient vanishes, to {left:decades}, as you say; but {kept:share} of the bits are kept.",
    }[str(guess)]
    kept, left = m.latch.kept, m.latch.left
    return Reply(outcome(m.found, believed), says(said, m.found == (True, False), kept=kept, left=left))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """Both units' gradients."""
    lag = np.arange(STEPS + 1, dtype=float)
    lines = [
        LagLine(f"latch: keeps {exact_percent(m.latch.kept)}", lag, m.latch.log, CELL_COLOURS["elman"]),
        LagLine(f"linear: keeps {exact_percent(m.linear.kept)}", lag, m.linear.log, OTHER_COLOURS[1]),
    ]
    lowest = 10 * math.floor(min(-30.0, m.latch.left) / 10)
    return gradient("latch-verdict", lines, f"Latch: {power_of_ten(m.latch.left)} of the gradient is left", lowest)


LESSON = Lesson(
    number=11,
    title="Latching",
    about="A unit that remembers reliably loses its gradient.",
    claim="If a network remembers something for long, its gradient also reaches back for long.",
    source=f"a common belief. The proof of the opposite: {BENGIO_1994}",
    diagram=NOISY_LATCH,
    question=Choices(
        asks=f"One tanh unit with the weight w = {WEIGHT:g} reads +1 or −1 at its first timestep, then noise within "
        f"±{NOISE:g} for {STEPS} timesteps. Does it keep the sign? Does a gradient reach the first timestep?",
        answers={
            "a": "It keeps the sign, so a gradient reaches it, too.",
            "b": "It keeps the sign, but the gradient vanishes.",
            "c": "It loses the sign, but the gradient reaches it.",
            "d": "Neither.",
        },
    ),
    bench=Bench(
        tasks=(
            f"Choose tanh and noise ±{NOISE:g}. Raise w until all bits are kept. What is left of the gradient?",
            "Choose Linear and w = 1. What is left now?",
            f"At noise ±{NOISE:g}, keep all bits and a gradient of 0.1 to 10. How?",
        ),
        controls=(
            Slider("weight", "Weight w", 0.5, 3.0, 1.0, 0.05),
            Slider("noise", "Noise limit", 0.0, 1.5, NOISE, 0.05),
            Pick("unit", "Unit", UNITS, "tanh"),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\frac{\partial h_T}{\partial h_t} = \prod_{s>t} w\,\tanh' x_s,\qquad "
        r"|b| < \sqrt{w(w-1)} - \operatorname{arcosh}\sqrt{w}",
        "∂h(T)/∂h(t) = product of w tanh′ x(s);   it holds while |b| < √(w(w−1)) − arcosh √w",
        "w: the weight. x: the sum that tanh takes. b: steady noise, which cannot change the sign below this limit",
    ),
)
