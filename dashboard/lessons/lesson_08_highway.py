"""The LSTM's highway: what the forget gates alone bring back, beside the whole gradient."""

from dataclasses import dataclass

import numpy as np

from analysis.figures.bars import parts_picture
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, NEUTRAL
from analysis.wording import exact_percent, power_of_ten, significant
from dashboard.lessons.drawn import drawn_line, drawn_reply
from dashboard.lessons.lesson import Bench, Equation, Lesson, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.networks_drawn import LSTM_UNIT
from dashboard.lessons.question import Curve, Guess
from dashboard.lessons.sources import HOCHREITER_1997, SLIDES_001, SLIDES_003
from dashboard.lessons.statement import says
from experiments.probing.highway import STEPS, Highway, record_highway

CLAIMED = 1.0
BIASES = (0.0, 1.0, 3.0)
"""Forget biases that the verdict looks at, the claimed one among them."""
NORM, LARGE_NORM = 1.15, 3.0
"""Largest singular values of the recurrent blocks: about torch's own, and one at which the gradient grows."""
DECADES = (-16.0, 5.0)
"""Of all charts, log₁₀: bias 3 must be a slope to be seen, though bias 0 leaves the chart."""
QUESTION = Curve(
    asks="An LSTM has initial weights of torch's size and the forget-gate bias 1. What part of dL/dc, the gradient of "
    "its cell state, is left 20, 40, … 100 steps back? Drag the points, or move them with the arrow keys.",
    lags=(20, 40, 60, 80, 100),
    lowest=DECADES[0],
    highest=DECADES[1],
    step=0.5,
    x_title="steps back from the loss",
    y_title="what is left of dL/dc",
)


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    of_bias: dict[float, Highway]
    """Forget bias → its LSTM."""
    growing: Highway
    """The largest of these biases, with large weights."""
    unconnected: Highway
    """The claimed bias, without recurrent weights."""

    @property
    def claimed(self) -> Highway:
        """That of the question."""
        return self.of_bias[CLAIMED]


def measure() -> Measured:
    """Five LSTMs."""
    return Measured(
        {bias: record_highway(bias, NORM) for bias in BIASES},
        record_highway(max(BIASES), LARGE_NORM),
        record_highway(CLAIMED, 0.0),
    )


def lags_picture(name: str, h: Highway, more: list[LagLine]) -> Picture:
    """The whole gradient and the highway alone."""
    title = f"{power_of_ten(h.left)} left; Πf leaves {power_of_ten(h.left_alone)}"
    lag = np.arange(STEPS + 1.0)
    lines = [
        LagLine("full dL/dc", lag, h.full, CELL_COLOURS["lstm"]),
        LagLine("Πf alone", lag, h.alone, NEUTRAL, "dash"),
        *more,
    ]
    sentence = "Dashed: what comes back through the forget gates alone (their product, Πf). The rest comes through h."
    return lag_picture(
        name, title, lines, sentence, f"{title}.", y_title="what is left of dL/dc", decades=DECADES
    )  # fmt: skip


def shares_picture(now: Highway, norm: float) -> Picture:
    """Each route's share of one step, for three biases and the one that is set."""
    columns = {f"bias {significant(bias)}": record_highway(bias, norm) for bias in BIASES} | {"now": now}
    parts = {route: [h.shares[route] for h in columns.values()] for route in now.shares}
    title = f"The highway: {exact_percent(now.shares['highway f'])} of a step"
    sentence = "The routes by which dL/dc goes one step back (mean over all steps)."
    return parts_picture("highway-shares", title, list(columns), parts, sentence, "share of a step")


def draw(values: Values) -> Scene:
    """One LSTM's way back, and its routes."""
    norm = float(values["norm"])
    h = record_highway(float(values["bias"]), norm)
    words = f"""## Now
- mean forget gate f: **{significant(h.forget)}**
- Πf over {STEPS} steps: **{power_of_ten(h.left_alone)}**
- whole gradient: **{power_of_ten(h.left)}**
"""
    return Scene({"lags": lags_picture("highway", h, []), "shares": shares_picture(h, norm)}, words)


def decide(m: Measured) -> Verdict:
    """The path is there; it fades, and it is not alone."""
    low, middle, high = (m.of_bias[bias] for bias in BIASES)
    share = m.claimed.shares["highway f"]
    rest = m.claimed.left_alone - m.claimed.left
    fades = m.claimed.left_alone < -3
    only = abs(rest) < 0.1
    kept = {"low": low.left_alone, "middle": middle.left_alone, "high": high.left_alone}
    return Verdict(
        truth="true" if not fades and only else ("half true" if share > 0.5 else "false"),
        was_true=(
            says(
                "There is such a path. It carries most of one step: {share:share} at bias {bias}. At bias {open} it "
                "alone keeps {kept:decades} over {steps:whole} steps.",
                share > 0.5 and high.left_alone > -2.5,
                share=share,
                bias=CLAIMED,
                open=max(BIASES),
                kept=high.left_alone,
                steps=STEPS,
            ),
        ),
        was_not=(
            says(
                "Its gradient fades: every step multiplies by f, here by {factor} per step at bias {bias}. The product "
                "Πf over {steps:whole} steps is {left:decades}.",
                fades and m.claimed.forget < 0.9,
                factor=10 ** (m.claimed.left_alone / STEPS),
                bias=CLAIMED,
                steps=STEPS,
                left=m.claimed.left_alone,
            ),
            says(
                "It is not the only path: {full:decades} arrives, and Πf alone brings only {rest:decades} of that.",
                not only,
                full=m.claimed.left,
                rest=rest,
            ),
        ),
        why=says(
            "c changes h, and h changes every gate of the next step: {share:share} of a step at bias {bias}. Over "
            "{steps:whole} steps these detours add up. With a largest singular value of {norm} and bias {open} they "
            "even explode, to {grown:decades}.",
            share < 1 and m.growing.left > 1,
            share=1 - share,
            bias=CLAIMED,
            steps=STEPS,
            norm=LARGE_NORM,
            grown=m.growing.left,
            open=max(BIASES),
        ),
        answers=(
            says(
                "{low:decades} at bias 0, {middle:decades} at bias 1, {high:decades} at bias {open}.",
                BIASES[:2] == (0, 1) and low.left_alone < middle.left_alone < high.left_alone,
                **kept,
                open=max(BIASES),
            ),
            says(
                "Only at 0, where both leave {alone:decades}. At {norm} they are {apart} decades (factors of ten) "
                "apart.",
                abs(m.unconnected.left - m.unconnected.left_alone) < 1e-6 < -rest,
                alone=m.unconnected.left_alone,
                norm=NORM,
                apart=-rest,
            ),
            says(
                "No. It grows to {grown:decades}, while Πf shrinks to {alone:decades}.",
                m.growing.left > 0 > m.growing.left_alone,
                grown=m.growing.left,
                alone=m.growing.left_alone,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """How far the drawn points lie from the recorded gradient."""
    return drawn_reply(QUESTION, guess, m.claimed.full)


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """What was drawn against what was recorded."""
    h = m.claimed
    return lags_picture("highway-verdict", h, drawn_line(QUESTION, guess))


LESSON = Lesson(
    number=8,
    title="The LSTM's highway",
    about="The product of forget gates, Πf, beside the whole dL/dc.",
    claim="Backpropagation from one cell state to the one before: only elementwise multiplication by f, no matrix "
    "multiply by W. Uninterrupted gradient flow!",
    source=f"{SLIDES_001}, {SLIDES_003}. The cell: {HOCHREITER_1997}",
    diagram=LSTM_UNIT,
    question=QUESTION,
    bench=Bench(
        tasks=(
            "Set the forget-gate bias to 0, 1 and 3. What part does Πf leave?",
            "Set bias 1 and lower the singular value. Where do both lines meet?",
            "Set bias 3 and singular value 3. Does the gradient keep its size?",
        ),
        controls=(
            Slider("bias", "Forget-gate bias", -1.0, 5.0, CLAIMED, 0.1),
            Slider("norm", "Largest singular value", 0.0, 4.0, NORM, 0.05, help="Of each recurrent block."),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\frac{dL}{dc_{t-1}} = f_t \odot \frac{dL}{dc_t} + u_{t-1} \odot \sum_b W_b^{\top} \delta_b, \quad "
        r"b = i, f, g, o; \quad u = \frac{\partial h}{\partial c}",
        "dL/dc(t−1) = f(t) ⊙ dL/dc(t) + u(t−1) ⊙ Σ Wᵇᵀ δᵇ over b = i, f, g, o,   u = ∂h/∂c",
        "f, i, o: gates. g: candidate. W: a block's recurrent weights. δ: the gradient of its sum before σ or tanh",
    ),
)
