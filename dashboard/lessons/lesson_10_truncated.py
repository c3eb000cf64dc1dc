"""Truncated BPTT: beyond the boundary nothing gets credit; what the state still holds can be used all the same."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.credit import Credit
from analysis.figures.credit import credit_picture
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, cell_colour, cell_name
from analysis.wording import exact_percent
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.networks_drawn import CUT_CHAIN
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.sources import SLIDES_002, SLIDES_003, WILLIAMS_1990
from dashboard.lessons.statement import says
from experiments.probing.truncated import (
    STEPS,
    credited_share,
    find_credited,
    gradient_error,
    longest_lag,
    record_credit,
    train_in_blocks,
)
from experiments.tasks.temporal_order import TemporalOrder
from experiments.training.success import Evaluation
from models.bptt.truncation import TruncateKind

BLOCK, LONGER, LOSS_AT = 10, 17, 35
"""The length of a block, one that is longer, and the loss that is asked about."""
NEAR, FAR, SHORT = 10, 20, 5
"""Of the trainings: two lengths, and their blocks."""

CELLS = {cell: cell_name(cell) for cell in ("elman", "lstm", "gru")}
"""The cells that the lesson compares."""

KINDS = {"blocks": "blocks", "window": "a window for each loss"}
"""Where the gradient stops."""

DECADES = 3
"""Half-width of the colour scale: little is lost in so few steps."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    full: Credit
    cut: Credit
    """In blocks."""
    sliding: Credit
    """With windows of the same length, one for each loss."""
    near: Evaluation
    """Trained over 10 steps: a block of 5 holds the second of two symbols."""
    far: Evaluation
    """Over 20 steps: it holds neither."""
    far_full: Evaluation
    """Over 20 steps with full BPTT."""

    @property
    def reached(self) -> int:
        """How many states the loss at t = 35 credits."""
        return int(find_credited(self.cut)[LOSS_AT - 1].sum())

    @property
    def reached_longer(self) -> int:
        """The same in longer blocks."""
        return int(find_credited(record_credit("elman", LONGER))[LOSS_AT - 1].sum())

    @property
    def uses_what_it_carries(self) -> bool:
        """Whether more is right than with the second symbol alone, which would be half."""
        return self.near.accuracy > 0.75


def measure() -> Measured:
    """Two credit matrices, three short trainings."""
    full, cut = record_credit("elman", STEPS), record_credit("elman", BLOCK)
    sliding = record_credit("elman", BLOCK, "window")
    near, far, far_full = (train_in_blocks(*how) for how in ((NEAR, SHORT), (FAR, SHORT), (FAR, None)))
    return Measured(full, cut, sliding, near, far, far_full)


def matrix(name: str, title: str, cell: str, c: Credit) -> Picture:
    """The credit matrix; hatched where a loss credits nothing, grey where the state comes later."""
    made = credit_picture(cell, c)
    made.figure.update_traces(selector={"type": "heatmap"}, zmin=-DECADES, zmax=DECADES, colorbar_dtick=1)
    made.figure.update_layout(title_text=title)
    sentence = "Row t: what the loss at t sends back to each state. Hatched: nothing. Grey: later states. Blue: shrunk."
    return replace(made, name=name, sentence=sentence)


def draw(values: Values) -> Scene:
    """The matrix, and one of its rows beside full BPTT's."""
    cell, length, t = str(values["cell"]), round(float(values["length"])), round(float(values["loss"]))
    kind: TruncateKind = "window" if values["kind"] == "window" else "blocks"
    full, cut = record_credit(cell, STEPS), record_credit(cell, length, kind)
    name = f"{'blocks' if kind == 'blocks' else 'windows'} of {length}"
    share = float(find_credited(cut)[np.tril_indices(STEPS)].mean())
    reached = int(find_credited(cut)[t - 1].sum())
    lag = np.arange(t, dtype=float)
    rows = [(c.median[t - 1, :t] - c.median[t - 1, t - 1])[::-1] for c in (full, cut)]
    lines = [
        LagLine("full BPTT", lag, rows[0], NEUTRAL, "dash"),
        LagLine(name, lag, rows[1], cell_colour(cell)),
    ]
    title = f"Loss at t = {t}: credits {reached} of {t}"
    row = lag_picture(
        "credit-of-one-loss", title, lines, "One row of the matrix. Triangles are exact zeros.",
        f"{title} states; full BPTT credits {int(find_credited(full)[t - 1].sum())}.", decades=(-6, 1),
    )  # fmt: skip
    words = f"""## Now
- this loss credits h({t - reached + 1}) … h({t})
- longest lag with credit: **{longest_lag(cut)}**
- losses that credit lag 5: **{exact_percent(credited_share(cut, 5))}**
"""
    pairs = f"{exact_percent(share)} of pairs"
    return Scene(
        {"matrix": matrix("credit-truncated", f"{name.capitalize()} credit {pairs}", cell, cut), "row": row}, words
    )


def decide(m: Measured) -> Verdict:
    """Credit ends at the boundary; memory need not."""
    half = BLOCK // 2
    nothing = longest_lag(m.cut) < BLOCK
    return Verdict(
        truth="half true" if m.uses_what_it_carries and nothing else ("true" if not nothing else "false"),
        was_true=(
            says(
                "What the state still holds can be used. With {steps:whole} timesteps in blocks of {block:whole}, the "
                "first of two symbols never gets credit, but {right:share} of the answers are right.",
                m.uses_what_it_carries and TemporalOrder().dependency(NEAR) > SHORT,
                block=SHORT,
                steps=NEAR,
                right=m.near.accuracy,
            ),
        ),
        was_not=(
            says(
                "Beyond a boundary the gradient is exactly 0: the longest lag is {longest:whole}, with full BPTT "
                "{full:whole}.",
                nothing and longest_lag(m.full) == STEPS - 1,
                longest=longest_lag(m.cut),
                full=longest_lag(m.full),
            ),
            says(
                "Nothing teaches the state to hold more. With {steps:whole} timesteps in the same blocks, "
                "{right:share} are right (a guess: {guess:share}); with full BPTT {full:share}.",
                m.far.accuracy < 0.5 < m.far_full.accuracy,
                steps=FAR,
                right=m.far.accuracy,
                guess=1 / TemporalOrder.output_size,
                full=m.far_full.accuracy,
            ),
        ),
        why=says(
            "A gradient stops at the last boundary, and boundaries do not move: only {share:share} of the losses reach "
            "{lag:whole} timesteps back. With a window that moves with each loss, all of them do, at a higher cost. "
            "Its dL/dW is {window:share} wrong, that of blocks {blocks:share}.",
            0 < credited_share(m.cut, half) < credited_share(m.sliding, half) == 1
            and gradient_error(BLOCK, "window") < 0.1 * gradient_error(BLOCK, "blocks"),
            lag=half,
            share=credited_share(m.cut, half),
            window=gradient_error(BLOCK, "window"),
            blocks=gradient_error(BLOCK, "blocks"),
        ),
        answers=(
            says(
                "From {fewest:whole} to {most:whole}: the count starts again after each boundary.",
                find_credited(m.cut).sum(axis=1).min() == 1 and find_credited(m.cut).sum(axis=1).max() == BLOCK,
                fewest=int(find_credited(m.cut).sum(axis=1).min()),
                most=int(find_credited(m.cut).sum(axis=1).max()),
            ),
            says(
                "No. With {longer:whole} the loss at t = {t:whole} credits {few:whole} states, with {block:whole} it "
                "credits {more:whole}: a boundary is just before it.",
                LONGER > BLOCK and m.reached_longer < m.reached,
                longer=LONGER,
                block=BLOCK,
                t=LOSS_AT,
                few=m.reached_longer,
                more=m.reached,
            ),
            says(
                "The latest {window:whole} states, wherever the loss is.",
                set(find_credited(m.sliding).sum(axis=1)[BLOCK - 1 :]) == {BLOCK},
                window=BLOCK,
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is the number of states that get credit."""
    counted = {"a": LOSS_AT, "b": BLOCK, "c": LOSS_AT - LOSS_AT // BLOCK * BLOCK}
    numbers: dict[str, float] = {"reached": m.reached, "t": LOSS_AT}
    if guess == "a":
        said = "The state is carried on, the gradient is not: {reached:whole} of {t:whole} states get credit."
    elif guess == "b":
        said = (
            "A window that moves would do that. Boundaries do not move: {reached:whole} of {t:whole} states get credit."
        )
    else:
        said = "{reached:whole} of {t:whole} states get credit: those since the last boundary."
    right = counted[str(guess)] == m.reached
    held = m.reached == counted["c"] < BLOCK
    return Reply("right" if right else ("partly" if guess == "b" else "wrong"), says(said, held, **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The matrix of the blocks."""
    share = float(find_credited(m.cut)[np.tril_indices(STEPS)].mean())
    return matrix("credit-verdict", f"Blocks of {BLOCK}: {exact_percent(share)} credited", "elman", m.cut)


LESSON = Lesson(
    number=10,
    title="Truncated BPTT",
    about="A short look back: what gets credit, and what is learnt without it.",
    claim="Backpropagate only a few steps, but carry the state on. The network then still learns from the whole past.",
    source=f"truncated BPTT: {SLIDES_002}, {SLIDES_003}; {WILLIAMS_1990}. The second sentence is a common conclusion",
    diagram=CUT_CHAIN,
    question=Choices(
        asks=f"A network reads {STEPS} timesteps and has a loss at each. BPTT is truncated every {BLOCK} timesteps, "
        f"but the state is carried on. Which states get credit (a gradient) from the loss at t = {LOSS_AT}?",
        answers={
            "a": "All states before it, because the state is carried on.",
            "b": f"The last {BLOCK} states.",
            "c": "Fewer: only those since the last boundary.",
        },
    ),
    bench=Bench(
        tasks=(
            f"Set blocks of {BLOCK} and drag the loss. How many states does it credit?",
            f"Set the loss at t = {LOSS_AT}. Do blocks of {LONGER} reach further than blocks of {BLOCK}?",
            f"Give each loss a window of {BLOCK}. How many states does it credit now?",
        ),
        controls=(
            Slider(
                "length",
                "Length",
                1,
                STEPS,
                BLOCK,
                1,
                help=f"Timesteps of a block or a window; {STEPS} is full BPTT.",
            ),
            Slider("loss", "Loss at t", 1, STEPS, LOSS_AT, 1),
            Pick("kind", "Truncated by", KINDS, "blocks"),
            Pick("cell", "Cell", CELLS, "elman"),
        ),
        draw=draw,
    ),
    measure=measure,
    decide=decide,
    reply=reply,
    evidence=evidence,
    equation=Equation(
        r"\frac{\partial L_t}{\partial h_k} = \frac{\partial L_t}{\partial h_t}\,J_t \cdots J_{k+1}, \qquad "
        r"J_s = 0 \text{ at a boundary}",
        "∂L(t)/∂h(k) = ∂L(t)/∂h(t) · J(t) ⋯ J(k+1),   J(s) = 0 at a boundary",
        "L: the loss of a timestep. h: the state. J: the step Jacobian, ∂h(t)/∂h(t−1)",
    ),
)
