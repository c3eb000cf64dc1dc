"""The cliff: an error surface that is flat nearly everywhere and a wall in between, and what clipping does there."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analysis.cliff import Descent, descend, up_to_the_edge
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.surface import FROM_THE_LOW_SIDE, Path, surface_picture
from analysis.figures.theme import NEUTRAL
from analysis.scalar import ErrorSurface, error_surface
from analysis.wording import significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Reply, Scene, Slider, Values, Verdict, outcome
from dashboard.lessons.networks_drawn import LOOP_TO_ERROR
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import PASCANU_2013, SLIDES_000, SLIDES_002
from dashboard.lessons.statement import says

RATE, THRESHOLD, STEPS, START = 0.3, 1.0, 200, (4.5, -3.0)
STARTS = ((4.5, -3.0), (4.5, -2.8), (5.0, -2.8), (5.0, -2.6), (5.0, -2.4), (5.5, -2.8))
"""Places before the wall: one path alone is an anecdote, since the wall magnifies every difference."""
WINDOW = (0.0, 7.0), (-4.0, 0.0)
"""w and b in Pascanu's figure."""
SETTLED = 50
"""Last steps whose median error is a path's result: clipped steps go on hopping over the wall's foot."""
PLAIN, CLIPPED = "#E69F00", "#56B4E9"


@lru_cache(maxsize=2)
def surface(columns: int, rows: int) -> ErrorSurface:
    """Pascanu's window on a grid."""
    return error_surface(np.linspace(*WINDOW[0], columns), np.linspace(*WINDOW[1], rows))


def result(d: Descent) -> float:
    """Median error of the last steps."""
    return float(np.median(d.error[-SETTLED:]))


def seen(d: Descent, colour: str) -> Path:
    """A descent as far as the window shows it."""
    return Path(d, up_to_the_edge(d, *WINDOW), colour)


def leaves(d: Descent) -> bool:
    """Whether a path ends outside of the window."""
    (w_low, w_high), (b_low, b_high) = WINDOW
    return not (w_low <= d.weight[-1] <= w_high and b_low <= d.bias[-1] <= b_high)


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on: one descent per start, three ways."""

    plain: list[Descent]
    clipped: list[Descent]
    small: list[Descent]
    """With a rate at which the steepest place moves no further than a clipped step."""
    small_rate: float
    steepest: float
    """‖∇E‖ at its largest on a grid of 201 × 201."""
    typical: float
    """Its median there."""

    @property
    def found(self) -> tuple[bool, bool]:
        """Whether clipping comes down from every start, and whether the small rate does."""
        plateau = min(result(d) for d in self.plain)
        return max(result(d) for d in self.clipped) < 0.1 * plateau, min(result(d) for d in self.small) < 0.1 * plateau


def measure() -> Measured:
    """All starts, and the slopes of the whole window."""
    slope = surface(201, 201).slope
    small = RATE * THRESHOLD / float(slope.max())
    return Measured(
        [descend(*start, RATE, STEPS) for start in STARTS],
        [descend(*start, RATE, STEPS, THRESHOLD) for start in STARTS],
        [descend(*start, small, STEPS) for start in STARTS],
        small,
        float(slope.max()),
        float(np.median(slope)),
    )


def draw(values: Values) -> Scene:
    """Two descents from one start."""
    rate, threshold = float(values["rate"]), float(values["threshold"])
    start = float(values["start"]), START[1]
    plain, clipped = descend(*start, rate, STEPS), descend(*start, rate, STEPS, threshold)
    end = "thrown out" if leaves(plain) else "stays in view"
    title = f"Unclipped: {end}; longest step {significant(plain.longest)}"
    picture = surface_picture(
        "cliff",
        title,
        surface(71, 81),
        {"unclipped": seen(plain, PLAIN), "clipped": seen(clipped, CLIPPED)},
        float(values["turned"]),
    )
    words = f"""## Now
|  | unclipped | clipped |
|---|--:|--:|
| longest step | {significant(plain.longest)} | {significant(clipped.longest)} |
| error at the end | **{significant(result(plain))}** | **{significant(result(clipped))}** |
| steps clipped | – | {clipped.clipped} of {STEPS} |
"""
    return Scene({"surface": picture}, words)


def decide(m: Measured) -> Verdict:
    """A rate for the wall is no rate for the plain."""
    clips, creeps = m.found
    thrown = sum(leaves(d) for d in m.plain)
    few = max(d.clipped for d in m.clipped)
    least = min(result(d) for d in m.small)
    steeper = m.steepest / m.typical
    longest = max(d.longest for d in m.small)
    return Verdict(
        truth="half true" if clips and not creeps else ("true" if creeps else "false"),
        was_true=(
            says(
                "The rate {rate} is safe: its longest step is {longest}. At the rate {full}, {thrown:whole} of "
                "{starts:whole} unclipped paths are thrown out.",
                longest < 0.1 and thrown > len(STARTS) / 2,
                rate=m.small_rate,
                longest=longest,
                full=RATE,
                thrown=thrown,
                starts=len(STARTS),
            ),
        ),
        was_not=(
            says(
                "With the safe rate, no path arrives: after {steps:whole} steps the error is still {small} or more. "
                "With clipping it is {clipped} at most.",
                clips and not creeps,
                steps=STEPS,
                small=least,
                clipped=max(result(d) for d in m.clipped),
            ),
        ),
        why=says(
            "The wall is up to {ratio:whole} times as steep as a typical place, so no single rate suits both. Clipping "
            "shortens only the steps at the wall: at most {few:whole} of {steps:whole}.",
            steeper > 1000 and few < STEPS / 10,
            ratio=steeper,
            few=few,
            steps=STEPS,
        ),
        answers=(
            says(
                "At step {at:whole} it jumps by {longest}, to a flat region where the error is {error}.",
                m.plain[0].longest > 1 and abs(result(m.plain[0]) - float(m.plain[0].error[-1])) < 1e-6,
                at=int(np.hypot(np.diff(m.plain[0].weight), np.diff(m.plain[0].bias)).argmax()) + 1,
                longest=m.plain[0].longest,
                error=result(m.plain[0]),
            ),
            says(
                "No. At the rate {rate} no path is thrown out, but none reaches a low error: it stays at {error}.",
                not any(leaves(d) for d in m.small) and not creeps,
                rate=m.small_rate,
                error=result(m.small[0]),
            ),
            says(
                "At most the rate times the threshold: {longest}.",
                abs(max(d.longest for d in m.clipped) - RATE * THRESHOLD) < 1e-9,
                longest=max(d.longest for d in m.clipped),
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is what both remedies did."""
    believed = {"a": (True, True), "b": (True, False), "c": (False, True), "d": (False, False)}[str(guess)]
    numbers = {"clipped": max(result(d) for d in m.clipped), "small": min(result(d) for d in m.small)}
    said = {
        "a": "Clipped paths reach {clipped} or less, as you say; those with the small rate stay at {small} or more.",
        "b": "Clipped paths reach the error {clipped} or less; those with the small rate stay at {small} or more.",
        "c": "It is the other way round: clipped paths reach {clipped} or less, the others stay at {small} or more.",
        "d": "The small rate stays at {small} or more, as you say. But clipped paths reach {clipped} or less.",
    }[str(guess)]
    return Reply(outcome(m.found, believed), says(said, m.found == (True, False), **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The error along the three paths of the first start."""
    lines = []
    for name, d, colour in (
        ("unclipped", m.plain[0], PLAIN),
        ("clipped", m.clipped[0], CLIPPED),
        (f"rate {significant(m.small_rate)}", m.small[0], NEUTRAL),
    ):
        lines.append(LagLine(name, np.arange(len(d.error), dtype=float), np.log(d.error), colour))
    title = f"Clipped {significant(result(m.clipped[0]))}, small rate {significant(result(m.small[0]))}"
    sentence = "The error of three paths from one start: one is thrown out, one is too slow, one arrives."
    return lag_picture(
        "cliff-verdict", title, lines, sentence, f"{title}.", x_title="gradient step", y_title="error E",
        decades=(-6.5, 0.2),
    )  # fmt: skip


LESSON = Lesson(
    number=6,
    title="The cliff",
    about="An error surface with a wall, and steps with and without clipping.",
    claim="If a gradient is too large, only the learning rate is too large. A smaller rate is as good as clipping.",
    source=f"a common remark. “Learning diverges”: {SLIDES_000}, {SLIDES_002}. The surface: {PASCANU_2013}, Fig. 6",
    diagram=LOOP_TO_ERROR,
    question=Choices(
        asks="The error of one unit after 50 steps depends on its weight w and its bias b. Drawn over w and b, it has "
        "a steep wall. Six paths of 200 gradient steps start near the wall. What reaches a low error: clipping "
        "the gradient to norm 1 (at the learning rate 0.3), or a rate so small that the wall throws no path out?",
        answers={
            "a": "Both.",
            "b": "Only clipping.",
            "c": "Only the small rate.",
            "d": "Neither: at the wall the gradient is no guide.",
        },
    ),
    bench=Bench(
        tasks=(
            "Turn the surface. Where does the unclipped path go at the wall?",
            "Lower the rate until the wall no longer throws the path out. Does it reach a low error?",
            "How long is the longest clipped step?",
        ),
        controls=(
            Slider("rate", "Learning rate", 0.0005, 1.0, RATE, 0.05, logarithmic=True),
            Slider("threshold", "Clip threshold", 0.05, 500.0, THRESHOLD, 0.05, logarithmic=True),
            Slider("start", "Start at w", 4.0, 6.0, START[0], 0.05),
            Slider("turned", "Turn, degrees", 0.0, 360.0, FROM_THE_LOW_SIDE, 5.0, help="Or drag the surface."),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"g \leftarrow g\,\min\!\Big(1, \frac{\tau}{\lVert g\rVert}\Big), \qquad "
        r"E = (\sigma(x_{50}) - 0.7)^2,\ x_t = w\,\sigma(x_{t-1}) + b",
        "g ← g · min(1, τ/‖g‖);   E = (σ(x(50)) − 0.7)²,  x(t) = w σ(x(t−1)) + b",
        "g: the gradient of the error E. τ: the clip threshold. x: the unit's state. σ: the sigmoid",
    ),
)
