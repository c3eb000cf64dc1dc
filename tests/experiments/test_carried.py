"""State carried from batch to batch: the text goes on, and the gradient stops where the batch begins."""

import math
from dataclasses import replace

import pytest
import torch

from experiments.config.run_config import RunConfig
from experiments.tasks.next_character import NextCharacter
from experiments.training.training import Training
from models import record

T = 5
SETTINGS = {
    "task": "next_character", "start": "carried", "seq_len": T, "batch_size": 3, "hidden_size": 6, "num_layers": 2,
    "dtype": "float64", "evaluate_every": None,
}  # fmt: skip


def training(**values):
    return Training(RunConfig.from_values({**SETTINGS, **values}))


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_three_batches_are_one_long_sequence_cut_into_blocks(cell):
    carried = training(cell=cell)
    steps = [carried.advance() for _ in range(3)]  # without an update between them the network stays the same
    inputs, targets = (torch.cat([getattr(step, part) for step in steps]) for part in ("inputs", "targets"))
    assert torch.equal(inputs[1:].argmax(-1), targets[:-1])  # the text goes on across the batches

    def last_batch(outputs):
        return carried.task.loss(outputs[2 * T :], targets[2 * T :])

    whole = record(carried.model, inputs, last_batch, truncate=T)
    hidden = torch.cat([step.trace.hidden for step in steps], dim=1)
    assert torch.allclose(hidden, whole.hidden, rtol=0, atol=1e-12)
    for name, grad in steps[2].trace.parameter_grads.items():
        assert torch.allclose(grad, whole.parameter_grads[name], rtol=1e-10, atol=1e-14), name


def test_a_batch_without_a_carried_state_is_the_first_one_alone():
    carried, zero = training(), training(start="zero")
    first = [each.advance() for each in (carried, zero)]
    assert torch.equal(first[0].inputs, first[1].inputs)
    assert torch.equal(first[0].trace.hidden, first[1].trace.hidden)
    second = [each.advance() for each in (carried, zero)]
    assert bool(second[0].trace.layers[0].start[0].any())
    assert not second[1].trace.layers[0].start[0].any()


def test_a_checkpoint_has_the_place_and_the_state_and_goes_on_to_the_last_bit():
    one, other = training(cell="gru"), training(cell="gru", seed=0)
    for _ in range(3):
        one.update(one.advance().clipping.grads)
    other.restore(one.checkpoint())
    mine, theirs = one.advance(), other.advance()
    assert torch.equal(mine.inputs, theirs.inputs)
    assert torch.equal(mine.trace.hidden, theirs.trace.hidden)
    assert mine.trace.loss_value == theirs.trace.loss_value


def test_a_checkpoint_without_what_is_carried_is_refused():
    carried, zero = training(), training(start="zero")
    checkpoint = carried.checkpoint()
    with pytest.raises(ValueError, match=r"^carried\.place$"):
        zero.restore(checkpoint)
    less = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "carried.state_0"}
    with pytest.raises(ValueError, match=r"^carried\.state_0$"):
        carried.restore(replace(checkpoint, tensors=less))


def test_a_state_that_is_not_finite_begins_at_zero_again():
    carried = training(cell="elman")
    trace = carried.advance().trace
    trace.layers[1].after[0][-1, 2, 0] = math.nan
    assert carried.carried is not None
    again = carried.carried.after(trace)
    assert not again.states[0][:, 2].any()
    assert torch.equal(again.states[0][:, :2], torch.stack([x.after[0][-1, :2] for x in trace.layers]))


def test_passages_are_read_on_around_the_end_of_the_text():
    task = training().task
    assert isinstance(task, NextCharacter)
    inputs, targets = task.read(torch.tensor([3, 8]), 4, torch.float64)
    assert ["".join("helo"[s] for s in x) for x in inputs.argmax(-1).T.tolist()] == ["lohe", "lohe"]
    assert ["".join("helo"[s] for s in x) for x in targets.T.tolist()] == ["ohel", "ohel"]
