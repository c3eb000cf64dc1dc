"""A changed state: the loss is that of a loop with the change in it; a small change does what the gradient says."""

import pytest
import torch

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.probing.intervene import intervene
from experiments.probing.probe import probe

SMALL = {"task": "temporal_order", "seq_len": 12, "hidden_size": 5, "batch_size": 4, "dtype": "float64"}


def looped_loss(made, t: int, unit: int, change) -> float:
    """The loss of a loop over torch's own cell, with the state changed between t and t + 1."""
    experiment = made.experiment
    layers, model = experiment.config.num_layers, experiment.model
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman": torch.nn.RNN}[experiment.config.cell]
    theirs = kind(experiment.inputs.shape[-1], 5, layers, dtype=torch.float64)
    theirs.load_state_dict(model.recurrent.state_dict())
    first, state = theirs(experiment.inputs[:t])
    hidden = state[0] if isinstance(state, tuple) else state
    hidden[-1, :, unit - 1] = change(hidden[-1, :, unit - 1])
    later, _ = theirs(experiment.inputs[t:], (hidden, state[1]) if isinstance(state, tuple) else hidden)
    outputs = model.readout(torch.cat([first, later]))
    return experiment.task.loss(outputs, experiment.targets, experiment.config.loss_position).item()


@pytest.mark.parametrize("position", ["last", "every"])
@pytest.mark.parametrize(("cell", "layers"), [("elman", 1), ("lstm", 1), ("gru", 2)])
def test_the_loss_after_a_change_is_that_of_a_loop_with_the_change_in_it(cell, layers, position):
    settings = {**SMALL, "task": "next_character"} if position == "every" else SMALL
    made = probe(RunConfig.from_values({**settings, "cell": cell, "num_layers": layers, "loss_position": position}))
    changes = {"zero": lambda h: 0 * h, "set": lambda h: 0 * h + 0.7, "shift": lambda h: h + 0.7}
    with torch.no_grad():
        for act, change in changes.items():
            done = intervene(made, act, 7, 2, 0.7)
            assert done.loss_after == pytest.approx(looped_loss(made, 7, 2, change), rel=1e-9)
            assert done.loss_before == made.loss
            assert len(done.log_norm_after) == made.trace.seq_len - 7


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_a_small_change_of_a_state_does_to_the_loss_what_its_gradient_says(cell):
    made = probe(RunConfig.from_values({**SMALL, "cell": cell, "task": "next_character"}))
    errors = []
    for size in (1e-3, 1e-4):
        done = intervene(made, "shift", 5, 1, size)
        errors.append(abs(done.loss_after - done.predicted))
        assert abs(done.loss_after - done.loss_before) > 10 * errors[-1]
    assert errors[1] == pytest.approx(errors[0] / 100, rel=0.1), "what is left is of second order"


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({}, (0, 1), "Timestep was 0"), ({}, (12, 1), "after timestep 1 to 11"), ({}, (3, 6), "Unit was 6"),
        ({"bidirectional": True}, (3, 1), "one direction"), ({"truncate": 3}, (3, 1), "not truncated"),
        ({"head": "mean"}, (3, 1), "answers at each timestep"),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_is_one_sentence(change, where, words):
    made = probe(RunConfig.from_values({**SMALL, **change}))
    with pytest.raises(ConfigError, match=words):
        intervene(made, "zero", *where)
