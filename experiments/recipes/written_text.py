"""Text that a trained network writes itself, one character after the other."""

import torch

from experiments.tasks.next_character import NextCharacter
from experiments.training.training import Training
from models.networks.sequence_model import SequenceModel

SAMPLED, TEMPERATURE = 300, 0.7
"""Characters that are written, and the temperature of their draws."""


def sample_text(training: Training) -> str | None:
    """Characters drawn from p(c) ∝ exp(output_c / temperature), each read before the next is drawn.

    The first one is the text's first. None for other tasks, and for a network that answers only at the end, or reads
    backwards too.
    """
    task, model = training.task, training.model
    if not isinstance(task, NextCharacter) or not isinstance(model, SequenceModel):
        return None
    if model.recurrent.bidirectional or not model.readout.at_each_step:
        return None
    generator = torch.Generator().manual_seed(0)
    cells, dtype = model.recurrent.cells, next(model.parameters()).dtype
    states = [model.start_of(k, 1) or cell.initial_state(1) for k, cell in enumerate(cells)]
    character = task.text.vocabulary.index(task.text.characters[0])
    written = [character]
    with torch.no_grad():
        for _ in range(SAMPLED):
            features = torch.zeros(1, task.input_size, dtype=dtype)
            features[0, character] = 1
            for k, cell in enumerate(cells):
                states[k], _ = cell.step(features, states[k])
                features = states[k][0]
            p = torch.softmax(model.readout(features[None])[0, 0].double() / TEMPERATURE, 0)
            character = int(torch.multinomial(p, 1, generator=generator))
            written.append(character)
    return "".join(task.text.vocabulary[index] for index in written)
