"""Clipping, three ways: what each rule leaves of an exploding gradient, and why none brings a vanished one back."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.clipping import Clipping, ClipRule, clip
from analysis.figures.decades import POWERS_OF_TEN
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import LN_10, NEUTRAL, OTHER_COLOURS
from analysis.wording import significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Reply, Scene, Slider, Values, Verdict, outcome
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.statement import says
from experiments.probing.clipped_parts import STEPS, log_contributions, oldest_share, record_gaussian
from experiments.probing.probe import Probe

RULES: dict[ClipRule, str] = {"norm": "by norm", "value": "by value", "squared_norm": "slide's"}
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
    sentence = "Longer gradients to the right. By norm the length ends level; by the slide's rule it falls again."
    made = lag_picture(
        "clipped-length", title, lines, sentence, f"{title}.", x_title="length before", y_title="length after",
        decades=(-8, 4),
    )  # fmt: skip
    made.figure.update_xaxes(**POWERS_OF_TEN, dtick=2)
    return made


def steps_picture(name: str, p: Probe, now: dict[ClipRule, Clipping], title: str) -> Picture:
    """Each timestep's part, before and after."""
    lag = np.arange(STEPS - 1.0)
    lines = [LagLine(RULES[rule], lag, log_contributions(p, c), COLOURS[rule]) for rule, c in now.items()]
    # last: a rule that does nothing lies below it
    lines.append(LagLine("unclipped", lag, log_contributions(p), NEUTRAL, "dash"))
    sentence = "Clipping moves the line down. The shares of the timesteps stay as they were."
    return lag_picture(name, title, lines, sentence, f"{title}.", y_title="a timestep's part", decades=(-18, 8))


def draw(values: Values) -> Scene:
    """One gradient, three rules."""
    p, threshold = record_gaussian(float(values["gain"])), float(values["threshold"])
    now = clipped(p, threshold)
    rows = "\n".join(f"- {RULES[r]}: **{significant(after(c))}** ({significant(c.cosine)})" for r, c in now.items())
    norm, slide = after(now["norm"]), after(now["squared_norm"])
    words = f"""##### Now
Length {significant(before(now["norm"]))}; clipped (cosine):
{rows}
"""
    lengths = lengths_picture(p, threshold, now, f"By norm {significant(norm)}, slide's {significant(slide)}")
    oldest = f"Oldest ÷ latest step: {significant(10 ** oldest_share(p))}"
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
                "No long step is left: an exploding gradient of {before} comes down, its direction kept (cosine "
                "{cosine}).",
                before(exploding) > 1000 * THRESHOLD > after(exploding) and abs(exploding.cosine - 1) < 1e-6,
                before=before(exploding),
                cosine=exploding.cosine,
            ),
        ),
        was_not=(
            says(
                "It compares a *square*: {a} becomes {after_a}, {b} becomes {after_b}. By norm both would become "
                "{threshold}.",
                not reaches and falls and all(abs(after(c["norm"]) - THRESHOLD) < 1e-6 for c in (m.large, m.exploding)),
                **slide,
                threshold=THRESHOLD,
            ),
            says(
                "A vanished timestep stays vanished: {share:decades} of the latest, and {best:decades} at best after "
                "clipping.",
                not revives and m.share < -6,
                share=m.share,
                best=max(m.shares.values()),
            ),
        ),
        why=says(
            "Clipping comes after the sum over timesteps: by norm, all parts are multiplied by the same {factor}. "
            "By value each entry has its own factor, which turns the gradient (cosine {cosine}).",
            bool(np.allclose(parts, factor)) and value.cosine < 0.9,
            factor=math.exp(factor),
            cosine=value.cosine,
        ),
        answers=(
            says("The slide's: {a} becomes {after_a}, {b} only {after_b}.", falls, **slide),
            says(
                "Only by value: cosine {value}, against {norm} by norm.",
                value.cosine < 0.9 and abs(norm.cosine - 1) < 1e-6,
                value=value.cosine,
                norm=norm.cosine,
            ),
            says(
                "None: {share:decades} before; by norm {norm:decades}, by value {value:decades}, slide's "
                "{squared_norm:decades}.",
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
        "a": "The length became {length}, not {threshold}; and the share stayed at {best:decades}.",
        "b": "The share stayed at {best:decades}, as you say; but the length became {length}, not {threshold}.",
        "c": "The length became {length}, not {threshold}, as you say; but the share stayed at {best:decades}.",
        "d": "The length became {length}, not {threshold}, and the share stayed at {best:decades}.",
    }[str(guess)]
    numbers = {
        "length": after(m.exploding["squared_norm"]), "threshold": THRESHOLD, "best": max(m.shares.values())
    }  # fmt: skip
    return Reply(outcome(m.found, believed), says(said, m.found == (False, False), **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The vanishing network's timesteps under every rule."""
    title = f"Oldest ÷ latest step: {significant(10**m.share)}, clipped or not"
    return steps_picture("clipping-verdict", m.vanishing, clipped(m.vanishing, LOW_THRESHOLD), title)


LESSON = Lesson(
    number=7,
    title="Clipping",
    about="Three rules side by side: what they repair, and what they cannot.",
    claim="Scale the gradient if its norm is too big: `grad_norm = np.sum(grad * grad)`, `if grad_norm > threshold: "
    "grad *= threshold / grad_norm`.",
    source="lecture slides 003; by norm: Pascanu et al. 2013. Graves 2013 clipped something else: inside BPTT, at "
    "every timestep (in Explore: clip by *inside BPTT*)",
    question=Choices(
        asks="Take this code with threshold 5. (1) Does an exploding gradient have length 5 afterwards? (2) In a "
        "vanishing one, do the oldest timesteps have a larger share afterwards?",
        answers={
            "a": "(1) 5 long. (2) A larger share.",
            "b": "(1) 5 long. (2) The same share.",
            "c": "(1) Another length. (2) A larger share.",
            "d": "(1) Another length. (2) The same share.",
        },
    ),
    bench=Bench(
        tasks=(
            "Set gain 1.5, then 2.5. Under which rule does the length shrink?",
            "Which rule turns the gradient (cosine < 1)?",
            "Set gain 0.7 and threshold 0.1. Does any rule bring the oldest steps back?",
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
    ),
)
