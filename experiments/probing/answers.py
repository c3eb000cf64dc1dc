"""What a network says: its answers beside the targets, and text that it writes itself."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from experiments.probing.probe import Probe
from experiments.tasks import Task
from experiments.tasks.ball import AHEAD, Ball
from experiments.tasks.classification import Classification
from experiments.tasks.next_character import NextCharacter
from models import SequenceModel
from models.cells.cell import State

MOST_SEQUENCES = 4
"""Sequences whose answers are said,"""
MOST_ANSWERS = 80
"""and answers of each."""
MOST_GIVEN = 24
"""Symbols of the sequence that are said beside them."""
CHARACTERS = 120
"""Characters that a network writes."""


@dataclass(frozen=True)
class Answer:
    """One answer of a network."""

    said: str
    wanted: str
    right: bool


@dataclass(frozen=True)
class Exchange:
    """One sequence with its answers."""

    given: tuple[str, ...]
    """The symbols that tell something of the answer, the first ones."""
    answers: tuple[Answer, ...]
    picture: Float[ndarray, "row column colour"] | None = field(default=None, compare=False)
    """The picture that the sequence shows; None where it shows none."""
    way: "Way | None" = field(default=None, compare=False)
    """Where the ball went; None for other tasks."""


@dataclass(frozen=True, eq=False)
class Way:
    """Places of a ball: those that the network saw, and its last answers beside the true ones."""

    seen: Float[ndarray, "place 2"]
    true: Float[ndarray, "answer 2"]
    said: Float[ndarray, "answer 2"]


def exchanges(probe: Probe, most: int = MOST_SEQUENCES) -> list[Exchange]:
    """The answers to the first sequences of the batch; a decoder reads its own words, as it does in use.

    Answers that ask for no memory, as the blanks of copying, are left out.

    Args:
        probe: the recorded pass.
        most: sequences.

    Example:
        >>> from experiments.config.run_config import RunConfig
        >>> from experiments.probing.probe import probe
        >>> made = exchanges(probe(RunConfig(task="temporal_order", seq_len=10, hidden_size=4, batch_size=3)))
        >>> len(made), len(made[0].answers), made[0].answers[0].wanted in {"X, X", "X, Y", "Y, X", "Y, Y"}
        (3, 1, True)
    """
    experiment, task = probe.experiment, probe.experiment.task
    if experiment.lengths is not None:
        each = (alone(probe, b) for b in range(min(most, len(experiment.lengths))))
        return [exchange for one in each for exchange in exchanges(one)]
    source, inputs = experiment.source, experiment.inputs[..., : task.input_size]
    with torch.no_grad():
        outputs = probe.whole.outputs
        if experiment.model.needs_source and source is not None:
            outputs = experiment.model.own_words(inputs, source, task.next_word)
    targets, asked = experiment.targets, task.asked(experiment.targets)
    outputs = outputs[-1:] if targets.ndim == 1 else outputs[-len(targets) :]
    right = task.correct(outputs, targets).reshape(len(outputs), -1)
    asked, said = asked.reshape(right.shape), spoken(task, outputs)
    wanted = (targets.transpose(1, 2) if targets.ndim == 3 else targets).reshape(said.shape)

    def spell(values: Tensor) -> str:
        return ", ".join(task.answer_word(value) for value in values.tolist())

    return [
        Exchange(
            given_symbols(task, inputs[:source, b]),
            tuple(
                Answer(spell(said[t, b]), spell(wanted[t, b]), bool(right[t, b]))
                for t in torch.nonzero(asked[:, b]).flatten().tolist()[:MOST_ANSWERS]
            ),
            shown_picture(task, inputs[:source, b]),
            Way(*(x.double().numpy() for x in (task.seen(inputs[:, b]), wanted[-AHEAD:, b], said[-AHEAD:, b])))
            if isinstance(task, Ball)
            else None,
        )
        for b in range(min(most, said.shape[1]))
    ]


def alone(probe: Probe, index: int) -> Probe:
    """The same pass of one sequence of the batch, without padding."""
    experiment, stacks = probe.experiment.sequence(index), probe.whole.stacks
    outputs = probe.whole.outputs[: len(experiment.inputs), [index]]
    whole = replace(probe.whole, outputs=outputs, stacks={name: s.sequence(index) for name, s in stacks.items()})
    return replace(probe, experiment=experiment, whole=whole)


def spoken(task: Task, outputs: Tensor) -> Tensor:
    """What the outputs [time, batch, output] say, [time, batch, value]: the likeliest class, or the numbers."""
    return outputs.argmax(-1, keepdim=True) if isinstance(task, Classification) else outputs


def shown_picture(task: Task, inputs: Tensor) -> Float[ndarray, "row column colour"] | None:
    """The picture that one sequence shows; None where it shows none."""
    picture = task.picture(inputs)
    return None if picture is None else picture.double().numpy()


def given_symbols(task: Task, inputs: Tensor) -> tuple[str, ...]:
    """The symbols of one sequence that tell something of the answer, the first ones."""
    told = zip(task.symbols(inputs), task.matters(inputs).tolist(), strict=True)
    return tuple([text for text, matters in told if matters][:MOST_GIVEN])


def can_write(probe: Probe) -> bool:
    """Whether the network writes text: it has learned characters, and reads none that are still to come."""
    model = probe.experiment.model
    causal = isinstance(model, SequenceModel) and not model.recurrent.bidirectional and model.readout.at_each_step
    return causal and isinstance(probe.experiment.task, NextCharacter)


def write_text(probe: Probe, temperature: float, seed: int = 0, length: int = CHARACTERS) -> str:
    """Characters that the network writes, each drawn from p = softmax(y/τ) and then read as the next input.

    It begins with the first character of the batch. It ends early where an output is Inf or NaN.

    Args:
        probe: of a network that can write, see `can_write`.
        temperature: τ, above 0: small ones take the likeliest character, large ones any.
        seed: of the draws.
        length: characters to write.

    Raises:
        ValueError: the network cannot write.
    """
    model, task = probe.experiment.model, probe.experiment.task
    if not (can_write(probe) and isinstance(model, SequenceModel) and isinstance(task, NextCharacter)):
        raise ValueError("only a network that has learned characters, forwards, can write text.")
    generator = torch.Generator().manual_seed(seed)
    states: list[State] = [
        model.start_of(k, 1) or cell.initial_state(1) for k, cell in enumerate(model.recurrent.cells)
    ]
    character, written = int(probe.experiment.inputs[0, 0].argmax()), []
    with torch.no_grad():
        for _ in range(length):
            features = torch.zeros(1, task.input_size, dtype=probe.experiment.inputs.dtype)
            features[0, character] = 1
            for k, cell in enumerate(model.recurrent.cells):
                states[k], _ = cell.step(features, states[k])
                features = states[k][0]
            y = model.readout(features[None])[0, 0].double()
            if not bool(y.isfinite().all()):
                break
            p = torch.softmax((y - y.max()) / temperature, dim=-1)  # no y, however large, overflows
            character = int(torch.multinomial(p, 1, generator=generator))
            written.append(task.text.vocabulary[character])
    return "".join(written)
