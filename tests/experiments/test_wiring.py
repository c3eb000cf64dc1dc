"""What goes with what: each refusal is one sentence, and each network that is allowed makes a recorded pass."""

import json
import math
import re

import pytest
import torch
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.probing import credit_by_passes
from experiments.probing.probe import probe
from experiments.tasks import WITH_SOURCE, make_task
from experiments.training.build import build
from experiments.training.training import Training
from models import record

SMALL = {"hidden_size": 6, "batch_size": 3, "seq_len": 5, "dtype": "float64"}


def config(**values):
    return RunConfig.from_values({**SMALL, **values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"network": "tree"}, "network was 'tree'; it must be sequence, encoder_decoder or one_to_many"),
        ({"network": "encoder_decoder"}, "but task=adding has no source and target; choose task=reversal"),
        (
            {"attention": "dot"},
            "attention was 'dot'; it works only with network=encoder_decoder or one_to_many.",
        ),
        (
            {"network": "encoder_decoder", "task": "reversal", "head": "mean"},
            "head was 'mean'; it works only with network=sequence.",
        ),
        ({"network": "encoder_decoder", "task": "reversal", "bidirectional": True}, "bidirectional was true; it works"),
        (
            {"network": "encoder_decoder", "task": "reversal", "truncate": 3},
            "truncate was 3; it works only with network=sequence.",
        ),
        (
            {"network": "encoder_decoder", "task": "reversal", "start": "learned"},
            "start was 'learned'; it works only with network=sequence.",
        ),
        ({"reverse_source": True}, "reverse_source was true; it works only with task=translation."),
        ({"delay": 3}, "delay was 3; it works only with task=delayed_xor."),
        (
            {"task": "delayed_xor", "seq_len": 20, "delay": 10},
            "delay was 10; two delays do not fit in seq_len=20: choose a delay of at most 9, or a seq_len of at least",
        ),
        (
            {"task": "delayed_xor", "seq_len": 2, "delay": 1},
            "two delays do not fit in seq_len=2: choose no delay, or a seq_len of at least 3",
        ),
        ({"features": "first_input"}, "features was 'first_input'; it works only with network=one_to_many."),
        (
            {"network": "one_to_many", "task": "reversal"},
            "network was 'one_to_many', but task=reversal shows no picture; choose task=captioning.",
        ),
        ({"network": "one_to_many"}, "task=adding has no source and target; choose task=captioning"),
        (
            {"network": "one_to_many", "task": "captioning", "start": "learned"},
            "start was 'learned'; it works only with network=sequence.",
        ),
        ({"start": "carried"}, "start was 'carried'; it needs a text that continues from batch to batch: choose start"),
        (
            {"start": "carried", "task": "next_character", "bidirectional": True},
            "start was 'carried'; it cannot be combined with bidirectional=true: choose start=zero or bidirectional=",
        ),
        ({"data_file": "x.csv"}, "data_file was 'x.csv'; it works only with task=series or sentiment."),
        ({"data_column": "x"}, "data_column was 'x'; it works only with task=series."),
        ({"dense_size": 9}, "dense_size was 9; it works only with head=dense."),
        (
            {"task": "copying", "head": "attention"},
            "head was 'attention'; it gives one answer per sequence, but task=copying asks for more than one: choose",
        ),
        (
            {"bidirectional": True, "truncate": 3, "truncate_kind": "window"},
            "truncate_kind was 'window'; it cannot be combined with bidirectional=true: choose truncate_kind=blocks.",
        ),
        ({"loss_position": "every", "head": "mean"}, "head was 'mean'; it gives one answer per sequence"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(values, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as refused:
        build(config(**values))
    assert str(refused.value).count(". ") == 0


WIRED = [
    {"head": "dense", "dense_size": 9},
    {"head": "attention"},
    {"start": "learned", "cell": "gru"},
    {"head": "mean", "bidirectional": True},
    {"task": "reversal"},
    {"task": "captioning"},
    {"task": "captioning", "network": "encoder_decoder", "cell": "elman"},
    *(
        {"task": "captioning", "network": "one_to_many", "attention": a, "features": f}
        for a in (None, "dot", "bahdanau")
        for f in ("start", "first_input")
    ),
    {"task": "translation", "network": "encoder_decoder", "reverse_source": True},
    {"task": "delayed_xor", "delay": 2},
    *(
        {"task": "reversal", "network": "encoder_decoder", "attention": a, "num_layers": 2}
        for a in (None, "dot", "bahdanau")
    ),
]


@pytest.mark.parametrize("values", WIRED, ids=[" ".join(map(str, values.values())) for values in WIRED])
def test_every_network_that_is_allowed_is_probed_and_trained(values):
    made = config(**values)
    result = probe(made)
    assert len(result.profile.median) == result.trace.seq_len
    assert math.isfinite(result.trace.loss_value)
    assert result.diagnosis is not None
    training = Training(made)
    step = training.advance()
    assert step.culprit is None
    training.update(step.clipping.grads)
    assert 0 <= training.evaluate().accuracy <= 1


def test_each_stack_of_a_probe_has_its_own_analyses():
    result = probe(config(task="reversal", network="encoder_decoder", attention="dot"))
    encoder = result.of_stack("encoder")
    assert result.trace.top is result.whole.stacks["decoder"].top
    assert encoder.trace.top is encoder.whole.stacks["encoder"].top
    for one in (result, encoder):
        assert one.profile.median.shape == (5,)
        assert len(one.spectra) == 4
        assert one.lyapunov.exponents.shape == (12,)
        assert one.paths is not None
        assert one.gate_statistics.gates.keys() == {"i", "f", "g", "o"}
        assert one.transport_course.lag == 4
    with pytest.raises(ConfigError, match=r"stack was 'top'; it must be one of encoder, decoder"):
        result.of_stack("top")


def test_probe_prints_each_stack_and_json_has_the_shares_of_both_ways():
    words = ["probe", *(f"{name}={value}" for name, value in SMALL.items()), "task=reversal", "network=encoder_decoder"]
    table = CliRunner().invoke(app, [*words, "attention=dot"], env={"COLUMNS": "200"})
    assert "lstm encoder" in table.stdout
    assert "lstm decoder" in table.stdout
    rows = json.loads(CliRunner().invoke(app, [*words, "attention=dot", "--json"]).stdout)
    assert [row["stack"] for row in rows] == ["encoder", "decoder"]
    shares = rows[0]["crossing"]
    assert shares["share_by_state"] + shares["share_by_attention"] == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("attention", [None, "dot", "bahdanau"])
@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_the_credit_of_all_losses_adds_up_to_the_recorded_gradient(monkeypatch, attention, stack):
    monkeypatch.setattr(credit_by_passes, "AT_ONCE", 7)  # two losses per pass, and one left over
    settings = config(task="reversal", network="encoder_decoder", attention=attention)
    result = probe(settings).of_stack(stack)
    found, top = result.credit, result.trace.top
    assert found.log_norm.shape == (5, 5, 3)
    if stack == "decoder" and attention is None:
        assert all((found.log_norm[t, t + 1 :] == -math.inf).all() for t in range(5))  # no word hears a later one
    task, targets = result.experiment.task, result.experiment.targets
    experiment, total = result.experiment, torch.zeros(5, 3, 6, dtype=torch.float64)
    for t in range(5):
        trace = record(
            experiment.model,
            experiment.inputs,
            lambda outputs, t=t: task.losses(outputs, targets)[t].mean() / 5,
            source=5,
        )
        alone = trace.stacks[stack].top.total[0]
        total += alone.parts[0] * 2.0 ** alone.exponent[..., None]
        sizes = alone.parts[0].norm(dim=-1).log() + alone.exponent.double() * math.log(2)
        torch.testing.assert_close(torch.from_numpy(found.log_norm[t]), sizes, rtol=0, atol=1e-10)
    recorded = top.total[0].parts[0] * 2.0 ** top.total[0].exponent[..., None]
    assert torch.allclose(total, recorded, rtol=1e-10, atol=1e-14)


def test_reversal_says_the_source_backwards():
    task = make_task(config(task="reversal"))
    inputs, targets = task.sample(4, 6, torch.Generator().manual_seed(0))
    symbols = inputs.argmax(-1)
    assert torch.equal(targets, symbols[:6].flip(0))
    assert bool((symbols[6] == 8).all())
    assert torch.equal(symbols[7:], targets[:-1])
    outputs = torch.nn.functional.one_hot(targets, 8).float()
    assert torch.equal(task.next_word(outputs[0]), inputs[7])
    assert task.accuracy(outputs, targets) == 1
    assert WITH_SOURCE == ["reversal", "translation", "captioning"]
    before = torch.zeros(6, 4, 8)
    whole = torch.cat([before, outputs])  # a network that also answers during the source is not asked there
    assert task.accuracy(whole, targets) == 1
    torch.testing.assert_close(task.loss(whole, targets), task.loss(outputs, targets))
    assert bool((task.losses(whole, targets)[:6] == 0).all())
