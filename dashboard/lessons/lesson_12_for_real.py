"""Learning it for real: temporal order with and without clipping, trained while one looks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analysis.figures.picture import Picture
from analysis.figures.training import Lane, loss_picture
from analysis.wording import exact_percent, power_of_ten
from dashboard.lessons.lesson import Equation, Lesson, Live, Pick, Reply, Scene, Values, Verdict, outcome
from dashboard.lessons.networks_drawn import WHICH_CAME_FIRST
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import PASCANU_2013, SLIDES_002, SLIDES_003
from dashboard.lessons.statement import Statement, says
from experiments.config.run_config import RunConfig
from experiments.runs.folder import folders_of, runs_folder
from experiments.runs.opening import open_run
from experiments.runs.pictures import lane
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader
from experiments.training.in_memory import Ending, Trained, train_in_memory
from experiments.training.success import SOLVED_ACCURACY

LENGTHS, RATES, SEEDS = (10, 20, 30), (0.2, 0.02), (0, 1, 2)
THRESHOLD, STEPS, EVALUATED = 1.0, 6000, 75
ASKED, BUDGET = 20, 150
"""The length that the question is about, and the steps that each lane is given for it."""
COLOURS = {"unclipped": "#E69F00", "clipped": "#56B4E9"}


def configs(length: int, rate: float, seed: int) -> tuple[RunConfig, RunConfig]:
    """A pair from one seed, unclipped and clipped: 30 tanh units that begin orthogonal, plain gradient descent."""
    unclipped = RunConfig(
        task="temporal_order", cell="elman", seq_len=length, hidden_size=30, batch_size=20, dtype="float64",
        initialisation="orthogonal", optimiser="sgd", learning_rate=rate, steps=STEPS, record_every=100,
        evaluate_every=EVALUATED, seed=seed,
    )  # fmt: skip
    return unclipped, unclipped.model_copy(update={"clip_threshold": THRESHOLD})


@dataclass(frozen=True)
class Pair:
    """Two lanes of one setting."""

    length: int
    rate: float
    seed: int
    unclipped: Ending
    clipped: Ending
    yours: bool
    """Trained on the page before this one, not for the verdict alone."""

    @property
    def found(self) -> tuple[bool, bool]:
        """Whether the unclipped lane solved it, and the clipped one."""
        return self.unclipped.solved, self.clipped.solved

    @property
    def decided(self) -> bool:
        """Whether each lane is over, or has had as many steps as the other needed."""
        a, b = self.unclipped, self.clipped
        return all(x.over or (y.solved and x.steps >= y.steps) for x, y in ((a, b), (b, a)))


def recorded_ending(config: RunConfig) -> Ending | None:
    """How far the pages' runs of a lane came: that which is over, else the longest; None where there is none."""
    endings = [e for folder in folders_of(config, runs_folder().resolve()) if (e := _ending_of(folder))]
    return max(endings, key=lambda e: (e.over, e.steps), default=None)


def _ending_of(folder: Path) -> Ending | None:
    """How far a run came; None where it cannot be read."""
    try:
        p = open_run(folder).progress
    except RunError:
        return None
    return Ending(p.step, p.reason == "success", p.reason in ("success", "steps", "nonfinite", "diverged"))


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    asked: tuple[Trained, Trained]
    """The pair of the question, unclipped and clipped."""
    pairs: tuple[Pair, ...]
    """All that is decided: the learner's, and for T = 10 and 20 short trainings where there are none."""

    @property
    def pair(self) -> Pair:
        """The question's."""
        return Pair(ASKED, RATES[0], 0, self.asked[0].ending, self.asked[1].ending, False)

    @property
    def longest_asked(self) -> Pair:
        """The learner's pair at the question's length and rate, where there is one; else the question's."""
        same = [p for p in self.pairs if (p.length, p.rate) == (ASKED, RATES[0])]
        return min(same, key=lambda p: (not p.yours, p.seed), default=self.pair)

    def those(self, *found: tuple[bool, bool]) -> list[Pair]:
        """Pairs that came out so, the longest sequences first, the learner's before others."""
        return sorted((p for p in self.pairs if p.found in found), key=lambda p: (-p.length, not p.yours))


def measure() -> Measured:
    """Two short pairs at the larger rate, and whatever was trained on the page before."""
    short = {
        length: tuple(train_in_memory(c, BUDGET) for c in configs(length, RATES[0], 0))
        for length in (LENGTHS[0], ASKED)
    }
    pairs = []
    for length in LENGTHS:
        for rate in RATES:
            for seed in SEEDS:
                ends = [recorded_ending(c) for c in configs(length, rate, seed)]
                if ends[0] and ends[1] and (pair := Pair(length, rate, seed, ends[0], ends[1], True)).decided:
                    pairs.append(pair)
                elif (rate, seed) == (RATES[0], 0) and length in short:
                    pairs.append(Pair(length, rate, seed, short[length][0].ending, short[length][1].ending, False))
    return Measured((short[ASKED][0], short[ASKED][1]), tuple(pairs))


def lanes(values: Values) -> tuple[RunConfig, ...]:
    """The pair of a setting."""
    return configs(int(values["length"]), float(values["rate"]), int(values["seed"]))


def draw(readers: Sequence[RunReader]) -> Scene:
    """Loss of both lanes so far, and the largest gradients."""
    drawn, largest = [], []
    for reader in readers:
        name = "unclipped" if reader.settings["clip_threshold"] is None else "clipped"
        one = lane(reader, name, COLOURS[name], "solid")
        drawn.append(replace(one, events=()))
        log = float(np.max(one.log_norm_before, initial=-math.inf))
        largest.append(f"{name} **{power_of_ten(log / math.log(10)) if log < math.inf else 'diverged'}**")
    picture = loss_picture(drawn)
    words = f"Largest gradient so far, before clipping: {', '.join(largest)}."
    return Scene({"loss": replace(picture, alt=f"{picture.alt}.")}, words)


def tell(pair: Pair) -> Statement:
    """What came of a pair, in a sentence."""
    a, b = pair.unclipped, pair.clipped
    words = {
        (
            True,
            True,
        ): "both networks solved it here, the unclipped one at step {a:whole}, the clipped one at step {b:whole}.",
        (
            False,
            True,
        ): "the clipped network solved it here at step {b:whole}; the unclipped one did not in {a:whole} steps.",
        (
            True,
            False,
        ): "the unclipped network solved it here at step {a:whole}; the clipped one did not in {b:whole} steps.",
        (False, False): "neither network solved it here, in {a:whole} steps unclipped and {b:whole} clipped.",
    }[pair.found]
    holds = (a.solved, b.solved) == pair.found and pair.decided
    return says("T = {t:whole}, rate {rate}: " + words, holds, t=pair.length, rate=pair.rate, a=a.steps, b=b.steps)


def count(pairs: Sequence[Pair]) -> Statement:
    """How many pairs came out in which way."""
    found = [p.found for p in pairs]
    helped, both = found.count((False, True)), found.count((True, True))
    others = found.count((True, False)) + found.count((False, False))
    return says(
        "Of {n:whole} pairs trained on this machine, only the clipped network solved the task in {helped:whole}, both "
        "in {both:whole}; {others:whole} came out otherwise.",
        helped + both + others == len(pairs),
        n=len(pairs), helped=helped, both=both, others=others,
    )  # fmt: skip


def decide(m: Measured) -> Verdict:
    """Counts what came out, whatever it was."""
    helped, both = m.those((False, True)), m.those((True, True))
    others = m.those((True, False), (False, False))
    log_norm = m.asked[0].log_norm
    largest = float(np.exp(log_norm[np.isfinite(log_norm)].max()))
    limited = says(
        "A step is the rate times the gradient. At rate {rate}, in the steps that are drawn, it was up to {far} long "
        "unclipped; clipped, it is {most} at most. Clipping makes long steps shorter. It cannot make a vanished "
        "gradient longer.",
        largest > THRESHOLD,
        rate=RATES[0],
        far=RATES[0] * largest,
        most=RATES[0] * THRESHOLD,
    )
    longest = [p for p in m.pairs if p.length == LENGTHS[-1]]
    varied = [p for p in m.pairs if p.rate != RATES[0] or p.seed]
    untrained = says(
        "There is no result yet: no pair with T = {t:whole} has been trained to its end on this machine.",
        not longest, t=LENGTHS[-1],
    )  # fmt: skip
    unvaried = says(
        "There is no result yet: no pair with rate {rate} or another seed has been trained to its end on this machine.",
        not varied, rate=RATES[1],
    )  # fmt: skip
    spared = m.those((True, True), (True, False), (False, False))
    return Verdict(
        truth="half true" if helped and spared else ("true" if helped else "false"),
        was_true=(tell(helped[0]) if helped else count(m.pairs),),
        was_not=tuple(tell(group[0]) for group in (both, others) if group),
        why=limited,
        answers=(
            tell(m.longest_asked),
            tell(longest[0]) if longest else untrained,
            count(varied) if varied else unvaried,
        ),
        on_this_machine=True,
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is what the question's pair did."""
    believed = {"a": (True, True), "b": (False, True), "c": (True, False), "d": (False, False)}[str(guess)]
    return Reply(outcome(m.pair.found, believed), tell(m.pair))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The losses of the question's pair, and where the verdict's numbers come from."""
    none = np.zeros(0)
    drawn = [
        Lane(name, COLOURS[name], np.arange(1, len(t.loss) + 1), t.loss, t.chance, none, none)
        for name, t in zip(COLOURS, m.asked, strict=True)
    ]
    made = loss_picture(drawn)
    yours = sum(p.yours for p in m.pairs)
    counted = f"{yours} from the beat Do, {len(m.pairs) - yours} trained on this page"
    sentence = f"Drawn: a pair with T = {ASKED}, trained on this page over up to {BUDGET} steps. "
    sentence += f"Pairs that the verdict counts: {counted}"
    sentence += "." if m.pair in m.pairs else "; in place of the drawn pair it counts the one from the beat Do."
    return replace(made, name="for-real", sentence=sentence, alt=f"{made.alt}.")


def options(label: str, key: str, values: Sequence[float], value: float) -> Pick:
    """A control over a few numbers."""
    return Pick(key, label, {f"{v:g}": f"{v:g}" for v in values}, f"{value:g}")


LESSON = Lesson(
    number=12,
    title="Learning it for real",
    about="Train temporal order here, with and without clipping.",
    claim="Without clipping, a tanh network cannot learn what lies far back; with clipping, it can.",
    source=f"{SLIDES_002}, {SLIDES_003}. The task: {PASCANU_2013}, section 4.1",
    diagram=WHICH_CAME_FIRST,
    question=Choices(
        asks=f"Of T = {ASKED} symbols two are X or Y. Which ones came, in which order? Two networks of 30 tanh units "
        f"learn this (temporal order) from the same start, by gradient descent at rate {RATES[0]:g}. One is "
        f"unclipped, one is clipped to norm {THRESHOLD:g}. Which solves the task ({exact_percent(SOLVED_ACCURACY)} "
        f"right) within {BUDGET} steps? It is tested every {EVALUATED} steps.",
        answers={
            "a": "Both.",
            "b": "Only the clipped one.",
            "c": "Only the unclipped one.",
            "d": "Neither.",
        },
    ),
    bench=Live(
        tasks=(
            f"T = {ASKED}, rate {RATES[0]:g}: which network solves it?",
            f"T = {LENGTHS[-1]}: which network solves it now?",
            f"Rate {RATES[1]:g} or another seed: is it the same?",
        ),
        controls=(
            options("Length T", "length", LENGTHS, ASKED),
            options("Learning rate", "rate", RATES, RATES[0]),
            options("Seed", "seed", SEEDS, 0),
        ),
        lanes=lanes,
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\theta \leftarrow \theta - \eta\, g\,\min\!\Big(1, \frac{\tau}{\lVert g\rVert}\Big), \qquad "
        r"g = \frac{\partial L}{\partial\theta}",
        "θ ← θ − η g · min(1, τ/‖g‖),   g = dL/dθ",
        "θ: all weights. η: the learning rate. g: the gradient of the loss L. τ: the threshold",
    ),
)
