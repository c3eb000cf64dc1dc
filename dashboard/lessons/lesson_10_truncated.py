"""Truncated BPTT: beyond the window nothing gets credit; what the state still holds can be used all the same."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from analysis.credit import Credit
from analysis.figures.credit import credit_picture
from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, cell_colour, cell_name, translucent
from analysis.wording import significant
from dashboard.lessons.lesson import Bench, Equation, Lesson, Pick, Reply, Scene, Slider, Values, Verdict
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.statement import says
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from experiments.tasks.temporal_order import TemporalOrder
from experiments.training.success import Evaluation
from experiments.training.training import Training

STEPS, WINDOW, LONGER, LOSS_AT = 40, 10, 17, 35
"""Timesteps, the window, one that is longer, and the loss that is asked about."""
NEAR, FAR, SHORT, UPDATES = 10, 20, 5, 100
"""Of the trainings: two lengths, their window, optimiser steps."""

CELLS = {cell: cell_name(cell) for cell in ("elman", "lstm", "gru")}
"""The cells that the lesson compares."""

DECADES = 3
"""Half-width of the colour scale: little is lost in so few steps."""


@lru_cache(maxsize=2 * STEPS)
def credit_matrix(cell: str, window: int) -> Credit:
    """The credit matrix of 32 units on the adding problem, a loss at every timestep; full BPTT for all 40 steps."""
    return probe(
        RunConfig(
            task="adding", cell=cell, seq_len=STEPS, batch_size=4, hidden_size=32, initialisation="orthogonal",
            truncate=window if window < STEPS else None,
        )
    ).credit  # fmt: skip


def credited(c: Credit) -> Bool[ndarray, "loss_time state_time"]:
    """Which losses send anything at all to which states."""
    return c.median > -np.inf


def at_lag(c: Credit, lag: int) -> float:
    """Share of the losses that credit the state so many steps before them, of those that have one."""
    return float(np.diagonal(credited(c), -lag).mean())


def longest(c: Credit) -> int:
    """The largest lag at which any loss credits a state."""
    t, k = np.nonzero(credited(c))
    return int((t - k).max())


def learnt(steps: int, window: int | None) -> Evaluation:
    """Temporal order over so many steps after training with a window: 20 tanh units that begin orthogonal."""
    training = Training(
        RunConfig(
            task="temporal_order", cell="elman", seq_len=steps, hidden_size=20, batch_size=20, dtype="float64",
            initialisation="orthogonal", learning_rate=0.01, truncate=window,
        )
    )  # fmt: skip
    for _ in range(UPDATES):
        training.update(training.advance().clipping.grads)
    return training.evaluate()


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
        return int(credited(self.cut)[LOSS_AT - 1].sum())

    @property
    def reached_longer(self) -> int:
        """The same with a longer window."""
        return int(credited(credit_matrix("elman", LONGER))[LOSS_AT - 1].sum())

    @property
    def uses_what_it_carries(self) -> bool:
        """Whether more is right than with the second symbol alone, which would be half."""
        return self.near.accuracy > 0.75


def measure() -> Measured:
    """Two credit matrices, three short trainings."""
    full, cut = credit_matrix("elman", STEPS), credit_matrix("elman", WINDOW)
    return Measured(full, cut, learnt(NEAR, SHORT), learnt(FAR, SHORT), learnt(FAR, None))


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
    full, cut = credit_matrix(cell, STEPS), credit_matrix(cell, window)
    share = float(credited(cut)[np.tril_indices(STEPS)].mean())
    reached = int(credited(cut)[t - 1].sum())
    lag = np.arange(t, dtype=float)
    rows = [(c.median[t - 1, :t] - c.median[t - 1, t - 1])[::-1] for c in (full, cut)]
    lines = [
        LagLine("full BPTT", lag, rows[0], NEUTRAL, "dash"),
        LagLine(f"window {window}", lag, rows[1], cell_colour(cell)),
    ]
    title = f"Loss at t = {t}: credits {reached} of {t}"
    row = lag_picture(
        "credit-of-one-loss", title, lines, "One row of the matrix. Triangles are exact zeros.",
        f"{title} states; full BPTT credits {int(credited(full)[t - 1].sum())}.", decades=(-6, 1),
    )  # fmt: skip
    words = f"""##### Now
- this loss credits h({t - reached + 1}) … h({t})
- longest lag with credit: **{longest(cut)}**
- lag 5: **{significant(100 * at_lag(cut, 5))} %** of the losses
"""
    pairs = f"{significant(100 * share)} % of pairs credited"
    return Scene({"matrix": matrix("credit-window", f"Window {window}: {pairs}", cell, cut), "row": row}, words)


def decide(m: Measured) -> Verdict:
    """Credit ends at the boundary; memory need not."""
    half = WINDOW // 2
    nothing = longest(m.cut) < WINDOW
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
                nothing and longest(m.full) == STEPS - 1,
                longest=longest(m.cut),
                full=longest(m.full),
            ),
            says(
                "And nothing teaches it to hold more. {steps:whole} steps, the same window: {right:share} come out "
                "right (a guess: {guess:share}); with full BPTT {full:share}.",
                m.far.accuracy < 0.5 < m.far_full.accuracy,
                steps=FAR,
                right=m.far.accuracy,
                guess=1 / TemporalOrder.output_size,
                full=m.far_full.accuracy,
            ),
        ),
        why=says(
            "The sum over ways back stops at the last boundary, and boundaries stand still: at lag {lag:whole}, within "
            "the window, only {share:share} of the losses still reach back.",
            0 < at_lag(m.cut, half) < 1,
            lag=half,
            share=at_lag(m.cut, half),
        ),
        answers=(
            says(
                "From {fewest:whole} to {most:whole}: the count falls back at each boundary.",
                credited(m.cut).sum(axis=1).min() == 1 and credited(m.cut).sum(axis=1).max() == WINDOW,
                fewest=int(credited(m.cut).sum(axis=1).min()),
                most=int(credited(m.cut).sum(axis=1).max()),
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
                {longest(credit_matrix(cell, WINDOW)) for cell in CELLS} == {longest(m.cut)},
                window=WINDOW,
                cells=len(CELLS),
                longest=longest(m.cut),
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
        said = "Nothing beyond it, yes. But windows stand still: {reached:whole} of {t:whole} states get credit."
    else:
        said = "{reached:whole} of {t:whole} states: those since the last boundary."
    right = counted[str(guess)] == m.reached
    held = m.reached == counted["c"] < WINDOW
    return Reply("right" if right else ("partly" if guess == "b" else "wrong"), says(said, held, **numbers))


def evidence(m: Measured, guess: Guess | None) -> Picture:
    """The matrix of the window."""
    share = float(credited(m.cut)[np.tril_indices(STEPS)].mean())
    return matrix("credit-verdict", f"Window {WINDOW}: {significant(100 * share)} % credited", "elman", m.cut)


LESSON = Lesson(
    number=10,
    title="Truncated BPTT",
    about="A window on the past: what gets credit, and what is learnt without.",
    claim="Backpropagate only a few steps, but carry the state on: then the network still learns from the whole past.",
    source="truncated BPTT as in decks 002 and 003; the second half is a common conclusion",
    question=Choices(
        asks=f"{STEPS} timesteps, a loss at each, truncated BPTT every {WINDOW} steps; the state is carried on. Which "
        f"states get credit for the loss at t = {LOSS_AT}?",
        answers={
            "a": "All before it: the state carries them.",
            "b": f"The last {WINDOW}.",
            "c": "Fewer: those since the last boundary.",
        },
    ),
    bench=Bench(
        tasks=(
            f"Window {WINDOW}: drag the loss. How many states does it credit?",
            f"Loss at t = {LOSS_AT}: does window {LONGER} reach further than {WINDOW}?",
            "Does an LSTM or a GRU get past the boundary?",
        ),
        controls=(
            Slider("window", "Window of truncated BPTT", 1, STEPS, WINDOW, 1, help=f"{STEPS} is full BPTT."),
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
