"""The Lyapunov spectrum of a training's network at its beginning, after its flossing, and at its end."""

import numpy as np

from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import OTHER_COLOURS
from experiments.probing.recorded import recorded_probe
from experiments.runs.opening import config_of
from experiments.runs.store.reader import RunReader


def spectra_picture(arm: str, label: str, run: RunReader) -> Picture:
    """The exponents at recorded steps, over their rank, of the first kept sequence.

    Raises:
        RunError: the run is damaged.
    """
    lines = []
    for (step, when), colour in zip(moments(run).items(), OTHER_COLOURS, strict=False):
        exponents = recorded_probe(run, step).lyapunov.exponents
        rank = np.arange(1, len(exponents) + 1, dtype=float)
        lines.append(SettingLine(f"step {step}, {when}", rank, exponents, colour))
    words = "Lyapunov exponents: " + ", ".join(f"{line.name} {line.y[0]:.2g}" for line in lines)
    sentence = f"The exponents of {label}, seed 0, along a sequence of its task; the largest first."
    title = "Lyapunov exponents before and after"
    return setting_picture(
        f"spectra-{arm}", title, lines, sentence, f"{words}.", x_title="rank", y_title="nats per step"
    )  # fmt: skip


def moments(run: RunReader) -> dict[int, str]:
    """Recorded step → its place in the training: the first, the first after the flossing, and the last."""
    steps = [int(step) for step in run.tensor("step")[:]]
    after = [step for step in steps if step > config_of(run).floss_steps]
    chosen = {steps[0]: "at the beginning", **({after[0]: "after flossing"} if after else {}), steps[-1]: "at the end"}
    return chosen | {steps[0]: "at the beginning"}
