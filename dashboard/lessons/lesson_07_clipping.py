"""Clipping, three ways: what each rule leaves of an exploding gradient, and why none brings a vanished one back."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.clipping import Clipping, ClipRule, clip
from analysis.figures.decades import POWERS_OF_TEN
from analysis.figures.hover import write_hovers
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, OTHER_COLOURS
from analysis.numbers import LN_10
from analysis.wording import significant, superscript
from dashboard.lessons.lesson import Bench, Equation, Lesson, Reply, Scene, Slider, Values, Verdict, outcome
from dashboard.lessons.networks_drawn import SUM_THEN_CLIP
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import GRAVES_2013, PASCANU_2013, SLIDES_003
from dashboard.lessons.statement import says
from experiments.probing.clipped_parts import STEPS, log_contributions, oldest_share, record_gaussian
from experiments.probing.probe import Probe

RULES: dict[ClipRule, str] = {"norm": "by norm", "value": "by value", "squared_norm": "by the slide"}
COLOURS: dict[ClipRule, str] = {"norm": OTHER_COLOURS[1], "value": OTHER_COLOURS[2], "squared_norm": OTHER_COLOURS[0]}
THRESHOLD = 5.0
VANISHING, LARGE, EXPLODING = 0.7, 1.5, 2.5
"""Gains of the recurrent weights that the verdict looks at."""
LOW_THRESHOLD = 0.1
"""One at which every rule clips the vanishing network, too."""
LENGTHS = np.linspace(-1, 8, 37)
"""log₁₀ of the lengths to which a gradient is stretched."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    large: dict[ClipRule, Clipping]
    """Rule → a large gradient clipped at 5."""
    exploding: dict[ClipRule, Clipping]
    """The same of an exploding one."""
    share: float
    """log₁₀ of the oldest timestep's part ÷ the latest one's in a vanishing network."""
    shares: dict[ClipRule, float]
    """The same after each rule."""
    vanishing: Probe

    @property
    def found(self) -> tuple[bool, bool]:
        """Whether the slide's rule leaves a length of 5, and whether any rule brings the oldest timestep a decade."""
        ends = after(self.large["squared_norm"]), after(self.exploding["squared_norm"])
        return all(abs(e - THRESHOLD) < 1e-6 for e in ends), max(self.shares.values()) > self.share + 1


def before(c: Clipping) -> float:
    """A gradient's length."""
    return math.exp(c.log_norm_before)


def after(c: Clipping) -> float:
    """Its length when it is clipped."""
    return math.exp(c.log_norm_after)


def clipped(p: Probe, threshold: float) -> dict[ClipRule, Clipping]:
    """A gradient by every rule."""
    return {rule: p.clip(threshold, rule) for rule in RULES}


def measure() -> Measured:
    """Three networks."""
    vanishing = record_gaussian(VANISHING)
    return Measured(
        clipped(record_gaussian(LARGE), THRESHOLD),
        clipped(record_gaussian(EXPLODING), THRESHOLD),
        oldest_share(vanishing),
        {rule: oldest_share(vanishing, c) for rule, c in clipped(vanishing, LOW_THRESHOLD).items()},
        vanishing,
    )


def lengths_picture(p: Probe, threshold: float, now: dict[ClipRule, Clipping], title: str) -> Picture:
    """Length after over length before: this network's gradient, stretched and clipped."""
    grads, own = p.trace.parameter_grads, next(iter(now.values())).log_norm_before
    lines = []
    for rule, name in RULES.items():
        stretched = [
            clip({n: g * math.exp(x * LN_10 - own) for n, g in grads.items()}, threshold, rule).log_norm_after
            for x in LENGTHS
        ]
        lines.append(LagLine(name, LENGTHS, np.array(stretched), COLOURS[rule]))
    here = np.full(len(now), own / LN_10)
    lines.append(LagLine("now", here, np.array([c.log_norm_after for c in now.values()]), NEUTRAL, marks=True))
    sentence = "The same gradient, made longer. By norm it stays at the threshold; by the slide it becomes short again."
    made = lag_picture(
        "clipped-length", title, lines, sentence, f"{title}.", x_title="length before", y_title="length after",
        decades=(-8, 4),
    )  # fmt: skip
    made.figure.update_xaxes(**POWERS_OF_TEN, dtick=2)
    for line in made.figure.data[: len(lines)]:
        line.update(hovertemplate=f"{line.name}: a length of %{{x:size}} becomes %{{y:size}}<extra></extra>")
    write_hovers(made.figure)
    return made


def steps_picture(name: str, p: Probe, now: dict[ClipRule, Clipping], title: str) -> Picture:
    """Each timestep's part, before and after."""
    lag = np.arange(STEPS - 1.0)
    lines = [LagLine(RULES[rule], lag, log_contributions(p, c), COLOURS[rule]) for rule, c in now.items()]
    # last: a rule that does nothing lies below it
    lines.append(LagLine("unclipped", lag, log_contributions(p), NEUTRAL, "dash"))
    sentence = "By norm and by the slide, the whole line moves down: each timestep keeps its share of the gradient."
    return lag_picture(name, title, lines, sentence, f"{title}.", y_title="a timestep's part", decades=(-18, 8))


def draw(values: Values) -> Scene:
    """One gradient, three rules."""
    p, threshold = record_gaussian(float(values["gain"])), float(values["threshold"])
    now = clipped(p, threshold)
    rows = "\n".join(
        f"- {RULES[r]}: **{significant(after(c))}** (cosine {significant(c.cosine)})" for r, c in now.items()
    )
    norm, slide = after(now["norm"]), after(now["squared_norm"])
    words = f"""## Now
Length before: **{significant(before(now["norm"]))}**. After clipping:
{rows}
"""
    title = f"After: norm {significant(norm)}, slide {significant(slide)}"
    lengths = lengths_picture(p, threshold, now, title)
    oldest = f"Oldest ÷ latest timestep: {significant(10 ** oldest_share(p))}"
    return Scene({"lengths": lengths, "steps": steps_picture("clipped-timesteps", p, now, oldest)}, words)


def decide(m: Measured) -> Verdict:
    """It repairs the explosion; the slide's scale is wrong; no rule repairs vanishing."""
    reaches, revives = m.found
    large, exploding = m.large["squared_norm"], m.exploding["squared_norm"]
    norm, value = m.exploding["norm"], m.exploding["value"]
    factor = norm.log_norm_after - norm.log_norm_before
    parts = log_contributions(record_gaussian(EXPLODING), norm) - log_contributions(record_gaussian(EXPLODING))
    falls = before(exploding) > before(large) and after(exploding) < after(large)
    slide = {"a": before(large), "after_a": after(large), "b": before(exploding), "after_b": after(exploding)}
    return Verdict(
        truth="true" if reaches and revives else ("half true" if after(exploding) < THRESHOLD else "false"),
        was_true=(
            says(
                "No step is too long: an exploding gradient of length {before} becomes short and keeps its direction "
                "(cosine {cosine}).",
                before(exploding) > 1000 * THRESHOLD > after(exploding) and abs(exploding.cosine - 1) < 1e-6,
                before=before(exploding),
                cosine=exploding.cosine,
            ),
        ),
        was_not=(
            says(
                "It compares the *square* of the length: {a} becomes {after_a}, and {b} becomes {after_b}. By norm, "
                "both would become {threshold}.",
                not reaches and falls and all(abs(after(c["norm"]) - THRESHOLD) < 1e-6 for c in (m.large, m.exploding)),
                **slide,
                threshold=THRESHOLD,
            ),
            says(
                "A vanished timestep stays vanished. The oldest one's part is {share:decades} of the latest one's; "
                "after clipping it is {best:decades} at best.",
                not revives and m.share < -6,
                share=m.share,
                best=max(m.shares.values()),
            ),
        ),
        why=says(
            "Clipping comes after the sum over timesteps. By norm, all parts are multiplied by the same factor, "
            "{factor}. By value, each entry has its own factor, which changes the direction (cosine {cosine}).",
            bool(np.allclose(parts, factor)) and value.cosine < 0.9,
            factor=math.exp(factor),
            cosine=value.cosine,
        ),
        answers=(
            says("By the slide: {a} becomes {after_a}, but {b} becomes only {after_b}.", falls, **slide),
            says(
                "Only clipping by value: its cosine is {value}, that of clipping by norm {norm}.",
                value.cosine < 0.9 and abs(norm.cosine - 1) < 1e-6,
                value=value.cosine,
                norm=norm.cosine,
            ),
            says(
                "No. The oldest one's share is {share:decades} unclipped, {norm:decades} by norm, {value:decades} by "
                "value and {squared_norm:decades} by the slide.",
                not revives,
                share=m.share,
                **m.shares,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is what was measured of both."""
    believed = {"a": (True, True), "b": (True, False), "c": (False, True), "d": (False, False)}[str(guess)]
    said = {
        "a": "The length became {length}, not {threshold}; and the share is still {share:decades}.",
        "b": "The share is still {share:decades}, as you say; but the length became {length}, not {threshold}.",
        "c": "The length became {length}, not {threshold}, as you say; but the share is still {share:decades}.",
        "d": "The length became {length}, not {threshold}, and the share is still {share:decades}.",
    }[str(guess)]
    numbers = {
        "length": after(m.exploding["squared_norm"]), "threshold": THRESHOLD, "share": m.shares["squared_norm"]
    }  # fmt: skip
    return Reply(outcome(m.found, believed), says(said, m.found == (False, False), **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The vanishing network's timesteps under every rule."""
    largest = math.ceil(max(m.share, *m.shares.values()))
    title = f"Oldest ÷ latest: below 10{superscript(largest)}, clipped or not"
    return steps_picture("clipping-verdict", m.vanishing, clipped(m.vanishing, LOW_THRESHOLD), title)


LESSON = Lesson(
    number=7,
    title="Clipping",
    about="Three rules side by side: what they can repair, and what they cannot.",
    claim="Scale the gradient if its norm is too big: `grad_norm = np.sum(grad * grad)`, `if grad_norm > threshold: "
    "grad *= threshold / grad_norm`.",
    source=f"{SLIDES_003}. By norm: {PASCANU_2013}. Inside BPTT (in Explore: clip by *inside BPTT*): {GRAVES_2013}",
    diagram=SUM_THEN_CLIP,
    question=Choices(
        asks="Use this code with the threshold 5. (1) Does an exploding gradient have the length (norm) 5 afterwards? "
        "(2) Do the oldest timesteps of a vanishing gradient have a larger share afterwards?",
        answers={
            "a": "(1) Length 5. (2) A larger share.",
            "b": "(1) Length 5. (2) The same share.",
            "c": "(1) Another length. (2) A larger share.",
            "d": "(1) Another length. (2) The same share.",
        },
    ),
    bench=Bench(
        tasks=(
            "Set gain 1.5, then 2.5. Which rule makes the longer one shorter?",
            "Which rule changes the direction (cosine below 1)?",
            "Set gain 0.7 and threshold 0.1. Does oldest ÷ latest grow?",
        ),
        controls=(
            Slider("gain", "Gain of the recurrent weights", 0.6, 3.0, EXPLODING, 0.05),
            Slider("threshold", "Threshold", 0.01, 1000.0, THRESHOLD, 0.05, logarithmic=True),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\lVert g\rVert > \tau:\ g \leftarrow \frac{\tau}{\lVert g\rVert}\,g \qquad\text{(slide: }"
        r"\lVert g\rVert^2 > \tau:\ g \leftarrow \frac{\tau}{\lVert g\rVert^2}\,g\text{)}",
        "‖g‖ > τ: g ← g τ/‖g‖   (slide: ‖g‖² > τ: g ← g τ/‖g‖², which is τ/‖g‖ long)",
        "g: the gradient of all weights. ‖g‖: its norm (length). τ: the threshold",
    ),
)
