"""The symbols under the time axis say the sequence: the targets follow from them, and what is lit is dL/dx_t."""

import pytest
import torch
from sampling import NAMES, seeded, task_named

from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from experiments.tasks.france import LANGUAGES
from experiments.tasks.recall import SYMBOLS


def words(name: str, seq_len: int = 12) -> tuple[list[str], list[str], list[str]]:
    """A sequence's symbols, those that matter, and its targets in words."""
    task = task_named(name)
    inputs, targets = task.sample(1, seq_len, seeded())
    symbols, matters = task.symbols(inputs[:, 0]), task.matters(inputs[:, 0])
    assert len(symbols) == len(matters) == task.length(seq_len)
    assert matters.dtype == torch.bool
    telling = [text for text, told in zip(symbols, matters.tolist(), strict=True) if told]
    return symbols, telling, [task.answer_word(target) for target in targets.flatten().tolist()]


@pytest.mark.parametrize("name", NAMES)
def test_every_task_has_a_word_for_each_timestep_and_each_answer(name):
    symbols, telling, answers = words(name)
    assert all(symbols)
    assert telling
    assert all(answers)


def test_the_targets_follow_from_the_symbols():
    _, (first, second), (answer,) = words("adding")
    assert float(first) + float(second) == pytest.approx(float(answer), abs=0.02)
    _, (first, second), (answer,) = words("temporal_order")
    assert answer == f"{first}, {second}"
    for name in ("copying", "noiseless_memorisation"):
        _, telling, answers = words(name)
        assert telling[:SYMBOLS] == answers[-SYMBOLS:]
        assert telling[SYMBOLS:] == ["?"]
        assert set(answers[:-SYMBOLS]) == {"_"}
    _, (country,), (language,) = words("france")
    assert LANGUAGES[country] == language
    symbols, _, answers = words("next_character")
    assert symbols[1:] == answers[:-1]
    symbols, _, answers = words("reversal")
    assert symbols[:12] == answers[::-1]
    assert symbols[12:] == ["→", *answers[:-1]]
    symbols, _, answers = words("translation", 4)
    assert symbols[4:] == ["→", *answers[:-1]]
    _, (first,), (answer,) = words("random_permutation")
    assert first == answer
    _, telling, (answer,) = words("latch")
    assert all(text[0] == answer[0].replace("−", "-") for text in telling)


@pytest.mark.parametrize(
    "wired",
    [
        {"task": "france", "cell": "elman", "seq_len": 5},
        {"task": "copying", "cell": "gru", "seq_len": 4, "bidirectional": True},
        {"task": "reversal", "cell": "lstm", "seq_len": 5, "network": "encoder_decoder", "attention": "bahdanau"},
    ],
)
def test_what_is_lit_is_the_gradient_of_each_symbol(wired):
    made = probe(RunConfig(hidden_size=4, batch_size=2, dtype="float64", **wired))
    experiment = made.experiment
    inputs = experiment.inputs.clone().requires_grad_()
    experiment.loss(experiment.model(inputs, experiment.source)).backward()
    wanted = inputs.grad[:, 0].norm(dim=-1).log()
    stacks = made.each_stack
    lit = torch.cat([torch.from_numpy(one.heard) for one in stacks])
    torch.testing.assert_close(lit, wanted, rtol=1e-10, atol=1e-10)
    assert [len(one.symbols.texts) for one in stacks] == [one.trace.seq_len for one in stacks]
