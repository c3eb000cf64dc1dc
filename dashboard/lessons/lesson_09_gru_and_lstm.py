"""GRU and LSTM: what a GRU saves, what the clock says here, and two conventions that share a name."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.bars import parts_picture
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, NEUTRAL, OTHER_COLOURS
from analysis.numbers import LN_10
from analysis.wording import power_of_ten, significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.networks_drawn import GRU_AND_LSTM
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import CHO_2014, SLIDES_002
from dashboard.lessons.statement import Statement, says
from experiments.benchmarks.cells import Race, races
from experiments.probing.gru_conventions import LAG, block_size, gru_log_gradients, renaming_error

WAYS = {"torch.nn": "by torch.nn", "loop": "step by step"}
"""Two ways to run the same cells."""
STEPS, BATCH, UNITS, BIAS = 50, 32, 64, 3.0
TRACKS = [("torch.nn", 16), ("torch.nn", 32), ("torch.nn", 48), ("torch.nn", 64), ("loop", 16), ("loop", 64)]
"""Way and hidden units of the verdict's races, the question's among them."""
BOUNDS = {"a": (0.0, 0.8), "b": (0.8, 0.95), "c": (0.95, 1.2), "d": (1.2, math.inf)}
"""Answer → the GRU's time ÷ the LSTM's; the first is what "quite a bit faster" must mean at least."""


@lru_cache(maxsize=64)  # a page, its handout and its verdict must not each have numbers of their own
def clock(tracks: tuple[tuple[str, int], ...], seconds: float) -> dict[tuple[str, int], Race]:
    """Both cells on the clock of this machine, on each track."""
    return dict(zip(tracks, races([(way, (STEPS, BATCH, units)) for way, units in tracks], seconds), strict=True))


def answer(r: Race) -> str:
    """The choice that it bears out."""
    return next(key for key, (low, high) in BOUNDS.items() if low <= r.ratio < high)


def left(log: Float[ndarray, " lag"]) -> float:
    """log₁₀ of what is left at the end."""
    return float(log[-1]) / LN_10


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    clocks: dict[tuple[str, int], Race]
    """Way and hidden units → both cells' times."""
    share: float
    """The GRU's parameters ÷ the LSTM's."""
    keeps: float
    overwrites: float
    before: float
    """log₁₀ of what is left after 100 steps with a bias of 3 on z: as torch has it, z overwriting, reset before."""
    renamed: float
    """Largest difference of states where z overwrites and its weights have changed their sign."""

    def at(self, way: str) -> Race:
        """That of the question's width."""
        return self.clocks[way, UNITS]


def measure() -> Measured:
    """Two cells on the clock, and one GRU read in three ways."""
    sizes = {cell: math.prod(block_size(cell, UNITS)) for cell in ("gru", "lstm")}
    return Measured(
        clock(tuple(TRACKS), 0.8),
        sizes["gru"] / sizes["lstm"],
        left(gru_log_gradients(BIAS)),
        left(gru_log_gradients(BIAS, overwrites=True)),
        left(gru_log_gradients(BIAS, reset_after=False)),
        renaming_error(STEPS),
    )


def parameters_picture(units: int) -> Picture:
    """The blocks of both cells."""
    (three, gru), (four, lstm) = block_size("gru", units), block_size("lstm", units)
    parts = {"keeps: z, f": [gru, lstm], "candidate: n, g": [gru, lstm], "reset r, input i": [gru, lstm]}
    return parts_picture(
        "gru-parameters", f"Parameters: {three * gru:,} against {four * lstm:,}", ["GRU", "LSTM"],
        parts | {"output o": [math.nan, lstm]}, "A GRU has three blocks, an LSTM four. Each is W_ih, W_hh and two "
        "biases.",
        "parameters",
    )  # fmt: skip


def conventions_picture(bias: float) -> Picture:
    """One bias on z, three conventions."""
    lag = np.arange(LAG + 1.0)
    keeps, overwrites = gru_log_gradients(bias), gru_log_gradients(bias, overwrites=True)
    lines = [
        LagLine("z keeps (torch)", lag, keeps, CELL_COLOURS["gru"]),
        LagLine("reset before product", lag, gru_log_gradients(bias, reset_after=False), OTHER_COLOURS[2], "dash"),
        LagLine("z overwrites", lag, overwrites, OTHER_COLOURS[0]),
    ]
    title = f"z keeps: {power_of_ten(left(keeps))} is left"
    sentence = "What is left of the gradient: the same bias of the gate z, three conventions."
    return lag_picture("gru-conventions", title, lines, sentence, f"{title}.", decades=(-20, 4))


def draw(values: Values) -> Scene:
    """Parameters, the clock, and conventions."""
    units, bias, way = int(float(values["units"])), float(values["bias"]), str(values["way"])
    now = clock(((way, units),), 0.1)[way, units]
    words = f"""## Now
One pass here, {WAYS[way]}: GRU **{significant(now.gru)} ms**, LSTM **{significant(now.lstm)} ms**;
GRU ÷ LSTM **{significant(now.ratio)}**.

Gradient left if z overwrites: **{power_of_ten(left(gru_log_gradients(bias, overwrites=True)))}**
"""
    return Scene({"parameters": parameters_picture(units), "conventions": conventions_picture(bias)}, words)


def timing(m: Measured, way: str) -> Statement:
    """What the clock says of one way, in the words that it bears out."""
    r = m.at(way)
    verb = {"a": "quite a bit faster", "b": "only a little faster", "c": "about as fast", "d": "slower"}[answer(r)]
    low, high = BOUNDS[answer(r)]
    template = (
        f"{WAYS[way].capitalize()}, it is {verb} here: {{gru}} ms per pass, the LSTM {{lstm}} ms; ratio {{ratio}}."
    )
    return says(template, low <= r.ratio < high, gru=r.gru, lstm=r.lstm, ratio=r.ratio)


def decide(m: Measured) -> Verdict:
    """The count is certain, the clock is asked."""
    faster = [way for way in WAYS if answer(m.at(way)) == "a"]
    a, b = m.at("torch.nn"), m.at("loop")
    both = {"a": a.ratio, "b": b.ratio}
    ratios = [r.ratio for r in m.clocks.values()]
    counted = says(
        "It has {share:share} of the LSTM's parameters and multiplications.", m.share == 3 / 4, share=m.share
    )
    together = says(
        "It is quite a bit faster here in both ways: ratios {a} (torch.nn) and {b} (step by step).",
        answer(a) == answer(b) == "a",
        **both,
    )
    return Verdict(
        truth="true" if len(faster) == len(WAYS) else ("half true" if faster else "false"),
        was_true=(counted, together) if len(faster) > 1 else (counted, *(timing(m, way) for way in faster)),
        was_not=tuple(timing(m, way) for way in WAYS if way not in faster),
        on_this_machine=True,
        why=says(
            "The time also depends on how the software runs the steps. On this machine the ratio was between {low} and "
            "{high}, in {ways:whole} ways and at several sizes; the count of parameters says {share}.",
            min(ratios) < max(ratios),
            low=min(ratios),
            high=max(ratios),
            ways=len(WAYS),
            share=m.share,
        ),
        answers=(
            says(
                "On this machine, with {units:whole} units: {a} by torch.nn, {b} step by step.",
                a.ratio > 0 < b.ratio,
                units=UNITS,
                **both,
            ),
            says(
                "{keeps:decades} if z keeps the state, {overwrites:decades} if it overwrites it. If you change the "
                "sign of z's weights, both are one network: their states differ by {renamed} at most.",
                m.keeps > m.overwrites + 6 and m.renamed < 1e-12,
                keeps=m.keeps,
                overwrites=m.overwrites,
                renamed=m.renamed,
            ),
            says(
                "Hardly for the gradient: {after:decades} or {before:decades} is left. But trained weights fit only "
                "one of them.",
                abs(m.keeps - m.before) < 0.3,
                after=m.keeps,
                before=m.before,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is the range that the ratio came to lie in, and in part right a neighbour."""
    c = m.at("torch.nn")
    keys = list(BOUNDS)
    off = abs(keys.index(answer(c)) - keys.index(str(guess)))
    low, high = BOUNDS[answer(c)]
    said = says(
        "On this machine the GRU took {ratio:share} of the LSTM's time: {gru} ms against {lstm} ms.",
        low <= c.ratio < high,
        ratio=c.ratio,
        gru=c.gru,
        lstm=c.lstm,
    )
    return Reply("right" if off == 0 else ("partly" if off == 1 else "wrong"), said)


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The ratio of times over the hidden size."""
    lines = []
    for way, colour in (("torch.nn", OTHER_COLOURS[2]), ("loop", OTHER_COLOURS[1])):
        x = np.array([units for track, units in m.clocks if track == way], dtype=float)
        lines.append(SettingLine(WAYS[way], x, np.array([m.clocks[way, int(u)].ratio for u in x]), colour))
    widest = np.array(sorted({units for _, units in m.clocks}), dtype=float)
    lines.append(SettingLine("parameters", widest, np.full(len(widest), m.share), NEUTRAL))
    highest = max(r.ratio for r in m.clocks.values())
    title = f"GRU ÷ LSTM: {significant(m.at('torch.nn').ratio)} in time, {significant(m.share)} in parameters"
    return setting_picture(
        "gru-clock", title, lines, "Time of a training pass, measured on this machine. Grey: the number of parameters.",
        f"{title}.", x_title="hidden units", y_title="GRU ÷ LSTM", limits=(0.0, 1.1 * highest),
    )  # fmt: skip


LESSON = Lesson(
    number=9,
    title="GRU and LSTM",
    about="Parameters, two conventions, and the clock of this machine.",
    claim="GRUs are quite a bit faster to train than LSTMs.",
    source=f"{SLIDES_002}. The GRU: {CHO_2014}",
    diagram=GRU_AND_LSTM,
    question=Choices(
        asks="This machine's CPU runs a training pass by torch.nn: 64 units, 50 timesteps, 32 sequences. The time of "
        "the LSTM is 100 %. What is the time of the GRU?",
        answers={
            "a": "Less than 80 %: quite a bit faster.",
            "b": "80 to 95 %: a little faster.",
            "c": "95 to 120 %: about as long.",
            "d": "More than 120 %: slower.",
        },
    ),
    bench=Bench(
        tasks=(
            "Set 64 units and choose both ways. What is GRU ÷ LSTM?",
            "Set the bias of z to 3. What is left of the gradient?",
            "Does it matter if the reset comes before the product?",
        ),
        controls=(
            Slider("units", "Hidden units", 8, 128, UNITS, 8),
            Slider("bias", "Bias of z", -3.0, 5.0, 1.0, 0.25),
            Pick("way", "Timed", WAYS, "torch.nn"),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"h = (1-z)\odot n + z \odot h'; \qquad \text{in } n:\ r \odot (W h')\ \text{or}\ W (r \odot h')",
        "h = (1−z) ⊙ n + z ⊙ h';   in n:  r ⊙ (W h')  (torch)  or  W (r ⊙ h')  (Cho)",
        "h': the last state. z: the update gate. r: the reset gate. n: the candidate. ⊙: a product unit by unit",
    ),
)
