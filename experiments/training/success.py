"""Evaluate a network on new sequences, and decide whether it has solved its task."""

from dataclasses import dataclass

import torch

from analysis.wording import percent
from experiments.config.run_config import RunConfig
from experiments.tasks import KINDS, Task
from experiments.tasks.ball import Ball
from experiments.tasks.recall import Recall
from experiments.training.batches import draw_batch, guess_loss
from models.networks.network import Network
from models.networks.picture_reader import CHANNELS, COLOURS

SOLVED_ERRORS = {"adding": 0.01, "multiplication": 0.003, "ball": Ball.tolerance**2}
"""Mean squared error at the last timestep below which a task is solved (chance: 1/6, 7/144 and .076).

A ball's last position, the tenth that is said in the dark, is off by less than twice the noise then.
"""
SOLVED_ACCURACY = 0.99
"""Accuracy from which on other tasks are solved (Pascanu et al. 2013, §4.1)."""
SOLVED_SHARE = 0.1
"""Share of a guess's loss below which the tasks that repeat symbols are solved."""

LARGEST_PART = 2**22
"""Numbers of hidden states, of inputs and of outputs that an evaluation holds at a time."""


@dataclass(frozen=True)
class Evaluation:
    """Loss and accuracy on new sequences, which were not used for training."""

    loss: float
    """The loss at the configured positions."""
    accuracy: float
    """The accuracy of the answers that need memory (`Task.asks`), 0 to 1."""
    solved: bool


def evaluate(config: RunConfig, task: Task, model: Network, generator: torch.Generator) -> Evaluation:
    """Loss and accuracy (0 to 1) on `evaluate_size` fresh sequences of `seq_len`, drawn from the generator.

    The accuracy is that of a network in use: a decoder reads its own words.
    """
    units = config.hidden_size * config.num_layers * (1 + config.bidirectional)
    numbers = task.length(config.seq_len) * max(units, task.input_size, task.output_size)
    source, task = task.source(config.seq_len), task.unseen
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    if task.shows_picture and source is not None:
        numbers += CHANNELS[0] * source * task.input_size // COLOURS  # of the first convolution
    part = max(1, min(config.evaluate_size, LARGEST_PART // numbers))
    losses, answers, rights, left = 0.0, 0.0, 0.0, config.evaluate_size
    while left:
        size = min(part, left)
        batch = draw_batch(config, task, size, config.seq_len, generator).to(device)
        inputs, targets, lengths = batch.inputs, batch.targets, batch.lengths
        parts = {"source": source, "lengths": lengths}
        with torch.no_grad():
            outputs = model(inputs, **{name: part for name, part in parts.items() if part is not None})
            said = outputs if source is None else model.own_words(inputs, source, task.next_word)
        losses += size * task.loss(outputs, targets, config.loss_position, lengths).item()
        answers += size * task.loss(outputs, targets, "last", lengths).item()
        rights += size * task.accuracy(said, targets, config.loss_position, lengths)
        left -= size
    loss, answer, accuracy = (total / config.evaluate_size for total in (losses, answers, rights))
    # A sum or product can be known at the last timestep only, wherever the loss is.
    return Evaluation(loss, accuracy, is_solved(config, task, answer if task.name in SOLVED_ERRORS else loss, accuracy))


def describe_solved(task: str) -> str:
    """What an evaluation that solves the task of this name has found, as the rest of a sentence.

    Example:
        >>> describe_solved("adding")
        'the mean squared error on new sequences is below 0.01'
    """
    if task in SOLVED_ERRORS:
        return f"the mean squared error on new sequences is below {SOLVED_ERRORS[task]:g}"
    if any(kind.name == task and issubclass(kind, Recall) for kind, _ in KINDS):
        return f"the loss on new sequences is below {percent(SOLVED_SHARE)} of a guess's"
    return f"at least {percent(SOLVED_ACCURACY)} of the answers on new sequences are right"


def is_solved(config: RunConfig, task: Task, loss: float, accuracy: float) -> bool:
    """Whether such an evaluation solves the task."""
    if task.name in SOLVED_ERRORS:
        return loss < SOLVED_ERRORS[task.name]
    if isinstance(task, Recall):
        return loss < SOLVED_SHARE * guess_loss(config, task)
    return accuracy >= SOLVED_ACCURACY
