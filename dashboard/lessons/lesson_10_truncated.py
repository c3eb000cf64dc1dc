"""Truncated BPTT: beyond the window nothing gets credit; what the state still holds can be used all the same."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.credit import Credit
from analysis.figures.credit import credit_picture
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, cell_colour, cell_name, translucent
from analysis.wording import significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.statement import says
from experiments.probing.windows import (
    STEPS,
    credited_share,
    find_credited,
    longest_lag,
    record_credit,
    train_with_window,
)
from experiments.tasks.temporal_order import TemporalOrder
from experiments.training.success import Evaluation

WINDOW, LONGER, LOSS_AT = 10, 17, 35
"""The window, one that is longer, and the loss that is asked about."""
NEAR, FAR, SHORT = 10, 20, 5
"""Of the trainings: two lengths, and their window."""

CELLS = {cell: cell_name(cell) for cell in ("elman", "lstm", "gru")}
"""The cells that the lesson compares."""

DECADES = 3
"""Half-width of the colour scale: little is lost in so few steps."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the verdict stands on."""

    full: Credit
    cut: Credit
    """With the window."""
    near: Evaluation
    """Trained over 10 steps: the window of 5 holds the second of two symbols."""
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
        """The same with a longer window."""
        return int(find_credited(record_credit("elman", LONGER))[LOSS_AT - 1].sum())

    @property
    def uses_what_it_carries(self) -> bool:
        """Whether more is right than with the second symbol alone, which would be half."""
        return self.near.accuracy > 0.75


def measure() -> Measured:
    """Two credit matrices, three short trainings."""
    full, cut = record_credit("elman", STEPS), record_credit("elman", WINDOW)
    return Measured(
        full, cut, train_with_window(NEAR, SHORT), train_with_window(FAR, SHORT), train_with_window(FAR, None)
    )


def matrix(name: str, title: str, cell: str, c: Credit) -> Picture:
    """The credit matrix; grey where there is none."""
    made = credit_picture(cell, c)
    made.figure.update_traces(zmin=-DECADES, zmax=DECADES, colorbar_dtick=1)
    made.figure.update_layout(title_text=title, plot_bgcolor=translucent(NEUTRAL, 0.4))
    sentence = "Row t: what a loss at t sends back to each h_k. Grey: exactly nothing. Blue: shrunk."
    return replace(made, name=name, sentence=sentence)


def draw(values: Values) -> Scene:
    """The matrix, and one of its rows beside full BPTT's."""
    cell, window, t = str(values["cell"]), round(float(values["window"])), round(float(values["loss"]))
    full, cut = record_credit(cell, STEPS), record_credit(cell, window)
    share = float(find_credited(cut)[np.tril_indices(STEPS)].mean())
    reached = int(find_credited(cut)[t - 1].sum())
    lag = np.arange(t, dtype=float)
    rows = [(c.median[t - 1, :t] - c.median[t - 1, t - 1])[::-1] for c in (full, cut)]
    lines = [
        LagLine("full BPTT", lag, rows[0], NEUTRAL, "dash"),
        LagLine(f"window {window}", lag, rows[1], cell_colour(cell)),
    ]
    title = f"Loss at t = {t}: credits {reached} of {t}"
    row = lag_picture(
        "credit-of-one-loss", title, lines, "One row of the matrix. Triangles are exact zeros.",
        f"{title} states; full BPTT credits {int(find_credited(full)[t - 1].sum())}.", decades=(-6, 1),
    )  # fmt: skip
    words = f"""##### Now
- this loss credits h({t - reached + 1}) … h({t})
- longest lag with credit: **{longest_lag(cut)}**
- lag 5: **{significant(100 * credited_share(cut, 5))} %** of the losses
"""
    pairs = f"{significant(100 * share)} % of pairs credited"
    return Scene({"matrix": matrix("credit-window", f"Window {window}: {pairs}", cell, cut), "row": row}, words)


def decide(m: Measured) -> Verdict:
    """Credit ends at the boundary; memory need not."""
    half = WINDOW // 2
    nothing = longest_lag(m.cut) < WINDOW
    return Verdict(
        truth="half true" if m.uses_what_it_carries and nothing else ("true" if not nothing else "false"),
        was_true=(
            says(
                "What the state still holds can be used. {steps:whole} steps, window {window:whole}: the first of two "
                "symbols never gets credit, yet {right:share} come out right.",
                m.uses_what_it_carries and TemporalOrder().dependency(NEAR) > SHORT,
                window=SHORT,
                steps=NEAR,
                right=m.near.accuracy,
            ),
        ),
        was_not=(
            says(
                "Beyond the window the gradient is exactly 0: the longest lag is {longest:whole}, in full BPTT "
                "{full:whole}.",
                nothing and longest_lag(m.full) == STEPS - 1,
                longest=longest_lag(m.cut),
                full=longest_lag(m.full),
            ),
            says(
                "But nothing teaches the state to hold more. {steps:whole} steps, the same window: {right:share} come "
                "out right (a guess: {guess:share}); with full BPTT {full:share}.",
                m.far.accuracy < 0.5 < m.far_full.accuracy,
                steps=FAR,
                right=m.far.accuracy,
                guess=1 / TemporalOrder.output_size,
                full=m.far_full.accuracy,
            ),
        ),
        why=says(
            "The sum over paths stops at the last boundary, and boundaries do not move: at lag {lag:whole}, within "
            "the window, only {share:share} of the losses still reach back.",
            0 < credited_share(m.cut, half) < 1,
            lag=half,
            share=credited_share(m.cut, half),
        ),
        answers=(
            says(
                "From {fewest:whole} to {most:whole}: the count starts again at each boundary.",
                find_credited(m.cut).sum(axis=1).min() == 1 and find_credited(m.cut).sum(axis=1).max() == WINDOW,
                fewest=int(find_credited(m.cut).sum(axis=1).min()),
                most=int(find_credited(m.cut).sum(axis=1).max()),
            ),
            says(
                "No: with {longer:whole} the loss at t = {t:whole} credits {few:whole}, with {window:whole} it credits "
                "{more:whole}. A boundary lies right before it.",
                LONGER > WINDOW and m.reached_longer < m.reached,
                longer=LONGER,
                window=WINDOW,
                t=LOSS_AT,
                few=m.reached_longer,
                more=m.reached,
            ),
            says(
                "No: with window {window:whole} all {cells:whole} end at lag {longest:whole}.",
                {longest_lag(record_credit(cell, WINDOW)) for cell in CELLS} == {longest_lag(m.cut)},
                window=WINDOW,
                cells=len(CELLS),
                longest=longest_lag(m.cut),
            ),
        ),
    )


def reply(m: Measured, guess: Guess) -> Reply:
    """Right is the number of states that get credit."""
    counted = {"a": LOSS_AT, "b": WINDOW, "c": LOSS_AT - LOSS_AT // WINDOW * WINDOW}
    numbers: dict[str, float] = {"reached": m.reached, "t": LOSS_AT}
    if guess == "a":
        said = "The state is carried on, the gradient is not: {reached:whole} of {t:whole} states get credit."
    elif guess == "b":
        said = "None beyond it, true. But windows do not move: {reached:whole} of {t:whole} states get credit."
    else:
        said = "{reached:whole} of {t:whole} states: those since the last boundary."
    right = counted[str(guess)] == m.reached
    held = m.reached == counted["c"] < WINDOW
    return Reply("right" if right else ("partly" if guess == "b" else "wrong"), says(said, held, **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The matrix of the window."""
    share = float(find_credited(m.cut)[np.tril_indices(STEPS)].mean())
    return matrix("credit-verdict", f"Window {WINDOW}: {significant(100 * share)} % credited", "elman", m.cut)


LESSON = Lesson(
    number=10,
    title="Truncated BPTT",
    about="A window on the past: what gets credit, and what is learnt without it.",
    claim="Backpropagate only a few steps, but carry the state on. The network then still learns from the whole past.",
    source="truncated BPTT: lecture slides 002 and 003; the second half is a common conclusion",
    question=Choices(
        asks=f"{STEPS} timesteps with a loss at each. BPTT is truncated every {WINDOW} steps; the state is carried on. "
        f"Which states get credit for the loss at t = {LOSS_AT}?",
        answers={
            "a": "All states before it: the state carries them.",
            "b": f"The last {WINDOW} states.",
            "c": "Fewer: only those since the last boundary.",
        },
    ),
    bench=Bench(
        tasks=(
            f"Set window {WINDOW} and drag the loss. How many states does it credit?",
            f"Set the loss at t = {LOSS_AT}. Does window {LONGER} reach further than {WINDOW}?",
            "Does credit cross the boundary in an LSTM or a GRU?",
        ),
        controls=(
            Slider(
                "window",
                "Window",
                1,
                STEPS,
                WINDOW,
                1,
                help=f"Truncated BPTT stops every so many steps; {STEPS} is full BPTT.",
            ),
            Slider("loss", "Loss at t", 1, STEPS, LOSS_AT, 1),
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
    ),
)
