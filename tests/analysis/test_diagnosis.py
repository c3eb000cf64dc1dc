"""Diagnosis on networks that were built to have, or not to have, each fault."""

import math
from typing import get_args

import pytest
import torch

from analysis.clipping import clip
from analysis.diagnosis import diagnose
from analysis.finding import Kind, Subject
from analysis.training_findings import raised_exp
from experiments.config.run_config import RunConfig
from experiments.probing.probe import Probe, probe
from experiments.probing.remedies import settle_remedies
from experiments.training.build import build
from models import record, watch

SMALL = {"seq_len": 60, "hidden_size": 24, "batch_size": 8, "dtype": "float64"}
CALM = {"input_scale": 0.1}
ORTHOGONAL = {"cell": "elman", "initialisation": "orthogonal", "largest_singular_value": 1.0}
LINEAR = {"nonlinearity": "identity", **ORTHOGONAL}
TRANSLATION = {"task": "reversal", "network": "encoder_decoder", "cell": "gru", "seq_len": 40}
CAPTION = {"task": "captioning", "network": "one_to_many", "cell": "gru", "seq_len": 3}
MIXED = {"seq_len_schedule": "mixed", "seq_len_min": 5}

HEALTHY: list[dict[str, object]] = [
    {**ORTHOGONAL, **CALM, "nonlinearity": "tanh", "zero_bias": True},
    {**LINEAR},
    {**LINEAR, "task": "copying", "seq_len": 30},
    {**LINEAR, "num_layers": 2, "clip_threshold": 100.0},
    {**ORTHOGONAL, **CALM, "nonlinearity": "tanh", "zero_bias": True, "task": "temporal_order"},
    *({"cell": "lstm", "forget_bias": bias, **CALM, "largest_singular_value": 0.5} for bias in (4.0, 5.0, 6.0)),
    *({"cell": "gru", "forget_bias": bias, "largest_singular_value": 0.5} for bias in (3.5, 4.0, 5.0)),
    {"cell": "lstm", "forget_bias": 5.0, "task": "temporal_order", "largest_singular_value": 0.5},
    {"cell": "gru", "forget_bias": 4.0, "task": "copying", "seq_len": 30, "largest_singular_value": 0.5},
    {"cell": "gru", "forget_bias": 4.0, "reset_after": False, "largest_singular_value": 0.5},
    {"cell": "lstm", "initialisation": "chrono", "largest_singular_value": 0.5, "seq_len": 40},
    {"cell": "peephole_lstm", "forget_bias": 5.0, **CALM, "largest_singular_value": 0.5},
    {"cell": "lstm_1997", **CALM, "largest_singular_value": 0.5},
    {"cell": "lstm_1997"},
    *({"cell": cell, "forget_bias": 4.0, "largest_singular_value": 0.5} for cell in ("mut1", "mut2", "mut3")),
    {"cell": "mut1", "initialisation": "chrono", "largest_singular_value": 0.5, "seq_len": 40},
    {"cell": "mingru", "forget_bias": 4.0},
    *({"cell": cell, "head": "attention"} for cell in ("elman", "lstm", "gru")),
    {"cell": "elman", "head": "mean"},
    *({**TRANSLATION, "attention": how, "stack": "encoder"} for how in ("dot", "bahdanau")),
    *({**TRANSLATION, "forget_bias": 4.0, "largest_singular_value": 0.5, "stack": s} for s in ("encoder", "decoder")),
    {**CAPTION, "cell": "lstm", "forget_bias": 4.0, "largest_singular_value": 0.5},
    {**LINEAR, **MIXED},
    {"cell": "lstm", "forget_bias": 5.0, "largest_singular_value": 0.5, **MIXED},
    {"cell": "mut3", "forget_bias": 5.0, "largest_singular_value": 0.5, **MIXED},
    {**LINEAR, "start": "learned"},
    {**LINEAR, "bidirectional": True, "head": "mean"},
]
VANISHING: list[dict[str, object]] = [
    {"cell": "elman"},
    {"cell": "elman", "largest_singular_value": 0.5},
    {"cell": "elman", "largest_singular_value": 0.5, "nonlinearity": "identity"},
    {**LINEAR, "largest_singular_value": 0.8},
    {"cell": "elman", "initialisation": "gaussian", "gain": 0.5},
    {"cell": "elman", "task": "copying", "seq_len": 30},
    {"cell": "elman", "task": "temporal_order", "num_layers": 2},
    {"cell": "lstm"},
    {"cell": "lstm", "forget_bias": 0.0, "largest_singular_value": 0.5},
    {"cell": "lstm", "task": "next_character"},
    {"cell": "gru"},
    {"cell": "gru", "reset_after": False},
    {"cell": "gru", "task": "copying", "seq_len": 30},
    {"cell": "elman", "nonlinearity": "sigmoid"},
    {"cell": "elman", "nonlinearity": "sigmoid", "largest_singular_value": 3.0},
    {"cell": "peephole_lstm"},
    {"cell": "peephole_lstm", "forget_bias": 0.0, "largest_singular_value": 0.5},
    *({"cell": cell} for cell in ("mut1", "mut2", "mut3", "mingru", "indrnn")),
    {"cell": "gru", "head": "dense"},
    *({**TRANSLATION, "stack": stack} for stack in ("encoder", "decoder")),
    {**TRANSLATION, "attention": "bahdanau", "stack": "decoder"},
    {**CAPTION},
    {**CAPTION, "features": "first_input"},
    {**CAPTION, "attention": "dot"},
    {**CAPTION, "cell": "lstm", "attention": "bahdanau"},
    {**CAPTION, "cell": "elman", "largest_singular_value": 0.3},
    {"cell": "elman", **MIXED},
    {"cell": "gru", "start": "learned"},
]
EXPLODING: list[dict[str, object]] = [
    {**LINEAR, "largest_singular_value": 1.3},
    {**LINEAR, "largest_singular_value": 1.5, "task": "temporal_order"},
    {"cell": "elman", "nonlinearity": "identity", "initialisation": "gaussian", "gain": 1.5},
    {**ORTHOGONAL, "largest_singular_value": 1.6, "input_scale": 0.001, "zero_bias": True},
    {**LINEAR, "largest_singular_value": 1.4, "task": "copying", "seq_len": 20},
    {"cell": "lstm", "forget_bias": 8.0, "initialisation": "gaussian", "gain": 8.0},
    {**TRANSLATION, **LINEAR, "largest_singular_value": 1.3, "stack": "encoder"},
    {**CAPTION, **LINEAR, "largest_singular_value": 3.0},
    {**LINEAR, "largest_singular_value": 1.3, **MIXED},
]
OTHER: list[tuple[dict[str, object], set[str]]] = [
    ({"cell": "elman", "nonlinearity": "relu", "initialisation": "identity", "largest_singular_value": 5.0,
      "seq_len": 2000, "hidden_size": 6, "batch_size": 2}, {"diverged"}),
    ({**LINEAR, "largest_singular_value": 3.0, "seq_len": 900, "hidden_size": 6, "batch_size": 2}, {"diverged"}),
    ({"cell": "lstm", "forget_bias": -6.0}, {"vanishing", "saturated_gates"}),
    ({"cell": "gru", "forget_bias": -6.0}, {"vanishing", "saturated_gates"}),
    ({"cell": "elman", "input_scale": 300.0}, {"vanishing", "saturated_units"}),
    ({"cell": "elman", "initialisation": "gaussian", "gain": 30.0, "largest_singular_value": None,
      "input_scale": 100.0}, {"saturated_units", "vanishing"}),
    ({"cell": "elman", "nonlinearity": "relu", "shut": True}, {"vanishing", "dead_units"}),
    ({**LINEAR, "bidirectional": True}, {"idle_reverse"}),
    ({"cell": "lstm", "forget_bias": 20.0, "input_scale": 3.0, "seq_len": 600}, {"saturated_cells"}),
    ({**LINEAR, "clip_threshold": 1e-3}, {"clipped_hard"}),
    ({"cell": "gru", "forget_bias": 4.0, "largest_singular_value": 0.5, "clip_threshold": 1e-3}, {"clipped_hard"}),
    ({**LINEAR, "clip_threshold": 1e6}, {"clipping_far"}),
    ({"cell": "gru", "forget_bias": 4.0, "largest_singular_value": 0.5, "clip_threshold": 1e6}, {"clipping_far"}),
    ({**LINEAR, "truncate": 10}, {"short_truncation", "vanishing"}),
    ({"cell": "lstm", "forget_bias": 5.0, "largest_singular_value": 0.5, "truncate": 5},
     {"short_truncation", "vanishing"}),
    ({**LINEAR, "truncate": 10, "truncate_kind": "window"}, {"short_truncation", "vanishing"}),
    ({"cell": "lstm", "truncate": 10, "truncate_kind": "window", "task": "parity", "seq_len": 40},
     {"short_truncation", "vanishing"}),
    ({"cell": "lstm", "forget_bias": -6.0, **MIXED}, {"vanishing", "saturated_gates"}),
    ({"cell": "elman", "input_scale": 300.0, **MIXED}, {"vanishing", "saturated_units"}),
    ({"cell": "peephole_lstm", "forget_bias": -6.0}, {"vanishing", "saturated_gates"}),
]  # fmt: skip

LABELLED = (
    [(values, set()) for values in HEALTHY]
    + [(values, {"vanishing"}) for values in VANISHING]
    + [(values, {"exploding"}) for values in EXPLODING]
    + OTHER
)


def built(values: dict[str, object]) -> Probe:
    """A probe of a small network, or of its stack; `zero_bias` and `shut` are changes that no configuration makes."""
    values = {**SMALL, **values}
    stack = values.pop("stack", None)
    zero_bias, shut = values.pop("zero_bias", False), values.pop("shut", False)
    config = RunConfig.from_values(values)
    if not zero_bias and not shut:
        return probe(config).of_stack(stack)
    experiment = build(config)
    for name, p in experiment.model.recurrent.named_parameters():
        if name.startswith("bias"):
            p.data.fill_(-50.0 if shut else 0.0)
    return Probe(experiment, record(experiment.model, experiment.inputs, experiment.loss, truncate=config.truncate))


@pytest.fixture(scope="module")
def probes() -> list[Probe]:
    """The labelled networks in their order; what a test computes of one, another has."""
    return [built(values) for values, _ in LABELLED]


def test_diagnosis_of_the_labelled_set(probes, capsys):
    """Every network gets exactly its label; the set and the score are printed."""
    wrong = []
    lines = []
    for (values, expected), result in zip(LABELLED, probes, strict=True):
        found = {finding.kind for finding in result.findings}
        right = found == expected
        lines.append(f"{'ok   ' if right else 'WRONG'} expected {sorted(expected)} found {sorted(found)} {values}")
        if not right:
            wrong.append(lines[-1])
    with capsys.disabled():
        print("\n" + "\n".join(lines))
        print(f"diagnosis: {len(LABELLED) - len(wrong)} of {len(LABELLED)} labelled networks right")
    assert len(LABELLED) >= 40
    assert not wrong, "\n".join(wrong)


def test_a_remedy_removes_its_finding_or_says_that_no_setting_does(probes):
    for (values, expected), result in zip(LABELLED, probes, strict=True):
        if not expected or {"shut", "zero_bias"} & set(values):  # no configuration makes it
            continue
        for finding in result.diagnosis:
            if not finding.settings:
                assert finding.remedy.startswith("No setting"), (values, finding.title)
                continue
            then = result.attempt(finding.settings)
            left = {(f.kind, f.title) for f in then}
            assert (finding.kind, finding.title) not in left, (values, finding.title)
            brought = {f.title for f in then if f.severity != "note"} - {f.title for f in result.findings}
            assert all(title in finding.remedy for title in brought), (values, finding.title, brought)


@pytest.mark.parametrize("norm", [50.1, 15.2, 0.00234, 1e-5, 1e250])
def test_a_threshold_that_is_raised_is_not_below_the_norm(norm):
    raised = raised_exp(math.log(norm))
    assert norm * (1 - 1e-12) <= raised <= 2 * norm * (1 + 1e-12)
    assert raised == float(f"{raised:.1g}")


def test_where_truncation_alone_is_at_fault_the_remedy_is_to_truncate_less():
    for finding in built({**LINEAR, "truncate": 10}).diagnosis:
        assert finding.settings == {"truncate": None}
        assert "orthogonal" not in finding.remedy


def test_a_finding_that_no_setting_removes_says_so():
    finding = built({**LINEAR, "clip_threshold": 1e-3}).findings[0]
    (settled,) = settle_remedies([finding], lambda settings: [finding])
    assert settled.remedy == "No setting that was tried here removes it."
    assert settled.settings == {}


def test_every_kind_of_finding_is_raised_by_a_labelled_network_or_a_training():
    raised = {kind for _, expected in LABELLED for kind in expected} | {
        "at_chance",
        "clipping_always",
        "outside_bound",
        "no_gradient",
    }  # see test_training_ends, test_findings and below
    assert raised == set(get_args(Kind))


@pytest.mark.parametrize("values", HEALTHY[:5])
def test_every_number_in_a_finding_is_finite_or_explained(values):
    result = built({**values, "truncate": 3, "clip_threshold": 1e-9})
    for finding in result.diagnosis:
        assert finding.evidence.endswith(".")
        assert finding.remedy
        assert finding.numbers
        RunConfig.from_values({**result.experiment.config.model_dump(), **finding.settings})


def test_a_gradient_that_is_zero_everywhere_is_a_severe_finding_and_says_where_to_look():
    rnn, head = torch.nn.LSTM(3, 5), torch.nn.Linear(5, 1)
    torch.nn.init.constant_(head.bias, -50.0)
    with watch(rnn) as seen:
        head(rnn(torch.randn(20, 4, 3))[0][-1]).relu().sum().backward()
    said = str(seen.report())
    assert "No gradient arrives" in said
    assert "rectified units that are all off" in said
    assert "No fault is found" not in said


def test_the_worst_comes_first():
    found = built({"cell": "elman", "largest_singular_value": 0.3, "clip_threshold": 1e6}).diagnosis
    assert [f.severity for f in found] == sorted((f.severity for f in found), key=["severe", "warning", "note"].index)
    assert found[0].kind == "vanishing"


def test_loss_at_chance_is_a_finding_only_after_training():
    result = built(HEALTHY[1])
    trace = result.trace

    def findings(loss: float, steps: int) -> set[str]:
        subject = Subject(
            trace=trace, transport=trace, dependency=59, loss=loss,
            chance=1 / 6, trained_steps=steps,
        )  # fmt: skip
        return {finding.kind for finding in diagnose(subject)}

    assert findings(1 / 6, 0) == set()
    assert findings(1 / 6, 500) == {"at_chance"}
    assert findings(0.01, 500) == set()


def test_evidence_of_vanishing_is_the_measured_fraction():
    result = built({**LINEAR, "largest_singular_value": 0.8})
    (finding,) = result.diagnosis
    dependency = result.experiment.task.dependency(60)
    assert finding.numbers["log_arrives"] == pytest.approx(dependency * math.log(0.8), rel=1e-9)


def test_clipping_findings_follow_the_threshold():
    trace = built(HEALTHY[1]).trace
    grads = {"w": torch.tensor([3.0, 4.0])}

    def findings(threshold: float) -> set[str]:
        clipping = clip(grads, threshold)
        subject = Subject(trace=trace, transport=trace, dependency=59, loss=0.01, chance=1 / 6, clipping=clipping)
        return {finding.kind for finding in diagnose(subject)}

    assert findings(0.4) == {"clipped_hard"}  # of the norm 5, less than a tenth is left
    assert findings(0.6) == findings(6.0) == set()
    assert findings(501.0) == {"clipping_far"}
