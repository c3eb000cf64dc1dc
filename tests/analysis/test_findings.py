"""What a finding says agrees with the pass that it is about: its words, its numbers and its remedy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles import last_step_loss, with_arrays

from analysis.clipping import AFTER_THE_PASS, clip
from analysis.diagnosis import diagnose
from analysis.finding import Subject
from analysis.training_findings import often_clipped
from analysis.wording import percent, power_of_ten
from models import SequenceModel, record
from models.recording.trace import Stack


def findings(trace, **fields):
    """The findings about a recorded pass, by kind."""
    dependency = fields.pop("dependency", trace.seq_len - 1)
    subject = Subject(trace, fields.pop("transport", trace), dependency, **{
        "loss": trace.loss.item(), "chance": 1.0, **fields})  # fmt: skip
    return {finding.kind: finding for finding in diagnose(subject)}


def small_pass(cell, seq_len=30, loss=last_step_loss, change=None, dtype=torch.float64, **options):
    model = SequenceModel(cell, 2, 8, 1, generator=torch.Generator().manual_seed(0), dtype=dtype, **options)
    with torch.no_grad():
        if change is not None:
            change(model.recurrent)
    inputs = torch.randn(seq_len, 4, 2, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return record(model, inputs, loss)


@pytest.mark.parametrize("rule", AFTER_THE_PASS)
def test_clipping_findings_go_by_their_rule_and_agree_with_what_clipping_did(rule):
    trace = small_pass("gru")
    for threshold in (1e-9, 1e-4, 1e-2, 1.0, 1e4, 1e12):
        clipping = clip(trace.parameter_grads, threshold, rule)
        found = findings(trace, clipping=clipping)
        assert not {"clipped_hard", "clipping_far"} <= set(found)
        if "clipping_far" in found:
            assert not clipping.engaged
            assert not clip(trace.parameter_grads, threshold / 50, rule).engaged
            wanted = found["clipping_far"].settings["clip_threshold"]
            bare = clip(trace.parameter_grads, wanted / 2 ** (2 if rule == "squared_norm" else 1), rule)
            assert not bare.engaged, "ten times the usual norm"
        if "clipped_hard" in found:
            finding = found["clipped_hard"]
            assert f"{power_of_ten(clipping.log_norm_after / math.log(10))} after it" in finding.evidence
            if wanted := finding.settings.get("clip_threshold"):
                after = clip(trace.parameter_grads, 2 * wanted, rule)
                assert not after.engaged


@pytest.mark.parametrize("size", [1e-200, 1e-12, 1e30, 1e200])
def test_a_clipping_remedy_fits_a_gradient_of_any_size(size):
    trace = small_pass("gru")
    grads = {"w": torch.tensor([0.6, 0.8], dtype=torch.float64) * size}
    (never,) = (f for f in findings(trace, clipping=clip(grads, size * 1e6)).values() if "clip" in f.kind)
    assert never.settings["clip_threshold"] == pytest.approx(10 * size, rel=0.1)


def test_a_loss_that_overflows_alone_is_said_so():
    model = SequenceModel("elman", 2, 4, 1, nonlinearity="identity", generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.recurrent.weight_hh_l0.copy_(3 * torch.eye(4))
    inputs = torch.rand(60, 2, 2, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, lambda outputs: (outputs[-1] ** 2).mean())
    assert trace.hidden.isfinite().all()
    finding = findings(trace)["diverged"]
    assert finding.evidence == "All states and their gradients are finite; the loss is inf."


def test_inf_or_nan_from_outside_is_named_and_no_weights_are_blamed():
    inputs = torch.randn(30, 2, 2, generator=torch.Generator().manual_seed(0))
    inputs[5, 1] = torch.nan
    model = SequenceModel("gru", 2, 4, 1, generator=torch.Generator().manual_seed(0))
    broken = findings(record(model, inputs, last_step_loss))["diverged"]
    assert "h_t is not finite from t = 6 on; Inf or NaN came in with the inputs at t = 6" in broken.evidence
    assert broken.remedy.startswith("Look at the inputs")
    trace = record(model, inputs.nan_to_num(0.0), lambda outputs: math.nan * outputs.sum())
    sent = findings(trace, loss=None)["diverged"]
    assert "the loss has sent Inf or NaN back, while all states are finite" in sent.evidence
    assert sent.remedy.startswith("Look between this layer and the loss")
    assert not broken.settings
    assert not sent.settings


def test_a_broken_weight_is_named_before_the_states_that_it_breaks():
    def break_one(recurrent):
        recurrent.weight_hh_l0[0, 0] = math.nan

    broken = findings(small_pass("lstm", change=break_one))["diverged"]
    assert "h_t is not finite from t = 1 on; a weight is Inf or NaN" in broken.evidence
    assert broken.remedy.startswith("Go back to weights that are finite")


def test_a_state_that_recovers_is_not_said_to_have_diverged_from_there_on():
    trace = small_pass("elman", nonlinearity="relu")
    hidden = trace.hidden.clone()
    hidden[0, 2] = torch.inf
    once = findings(with_arrays(trace, hidden=hidden))["diverged"]
    assert once.evidence.startswith("h_t is not finite at t = 3;")
    hidden[0, 2:] = torch.nan
    for_good = findings(with_arrays(trace, hidden=hidden))["diverged"]
    assert for_good.evidence.startswith("h_t is not finite from t = 3 on;")


@pytest.mark.parametrize(("cell", "options"), [("elman", {"nonlinearity": "tanh"}), ("lstm", {}), ("gru", {})])
def test_what_is_bounded_already_is_not_told_to_use_tanh(cell, options):
    trace = small_pass(cell, dtype=torch.float32, change=lambda r: [p.fill_(0) for p in r.parameters()], **options)
    (dead,) = (f for f in findings(trace).values() if f.kind == "dead_units")
    assert "tanh" not in dead.remedy
    assert not dead.settings
    broken = with_arrays(trace, hidden=trace.hidden + torch.nan)
    assert "tanh" not in findings(broken)["diverged"].remedy


def test_a_shut_input_gate_is_reported_by_its_own_values():
    def shut(recurrent):
        for name, p in recurrent.named_parameters():
            p.mul_(0.1)
            if name.startswith("bias_ih"):
                p[:8], p[8:16], p[15] = -2.6, -2.0, 50.0

    trace = small_pass("lstm", change=shut)
    finding = next(f for f in findings(trace).values() if f.kind == "saturated_gates")
    i = trace.gates["i"]
    assert finding.numbers["mean"] == pytest.approx(i.mean().item())
    assert finding.evidence.startswith(f"{percent((i < 0.1).double().mean().item())} of its values")


def test_the_advice_for_two_timesteps_is_its_own_formula():
    trace = small_pass("gru", seq_len=2, change=lambda r: [p.mul_(1e-4) for p in r.parameters()])
    tiny = with_arrays(trace, log_norm=trace.log_norm - torch.tensor([9.0, 0.0], dtype=torch.float64)[:, None])
    finding = findings(tiny)["vanishing"]
    assert "ln(T−1) = 0.0" in finding.remedy
    assert finding.settings == {"forget_bias": 0.0}
    assert "over 1 step." in finding.evidence


def test_one_untrained_pass_says_nothing_of_every_step():
    trace = small_pass("gru")
    tight = {"clipping": clip(trace.parameter_grads, 1e-9)}
    untrained, trained = (findings(trace, trained_steps=steps, **tight)["clipped_hard"] for steps in (0, 30))
    assert untrained.severity == "note"
    assert "One pass of an untrained network does not say" in untrained.evidence
    assert trained.severity == "warning"
    assert not any("every" in f"{f.title} {f.evidence}".lower() for f in (untrained, trained))


@pytest.mark.parametrize(
    ("clipped", "steps", "title"),
    [(1.0, 40, "Every step is clipped"), (0.96, 50, "Nearly every step is clipped"), (0.9, 50, None), (1.0, 19, None)],
)
def test_only_many_steps_say_that_every_step_is_clipped(clipped, steps, title):
    before = np.where(np.arange(steps) < clipped * steps, math.log(50.0), 0.0)
    before[0] = math.log(50.0)
    found = list(often_clipped(np.append(before, np.nan), np.append(np.zeros(steps), np.nan)))
    assert [f.title for f in found] == ([] if title is None else [title])
    if found:
        assert found[0].evidence.endswith("the norm was typically 50 times the threshold.")


LARGEST = [
    ("elman", {}, 1.0), ("elman", {"nonlinearity": "sigmoid"}, 1.0), ("elman", {"nonlinearity": "relu"}, None),
    ("indrnn", {}, 1.0), ("lstm", {}, 1.0), ("lstm_1997", {}, 1.0), ("peephole_lstm", {}, 1.0), ("gru", {}, 1.0),
    ("mut2", {}, 1.0), ("mingru", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "options", "bound"), LARGEST)
def test_a_state_outside_the_bound_of_its_cell_is_found(cell, options, bound):
    trace = small_pass(cell, change=lambda stack: [w.mul_(20) for w in stack.parameters()], **options)
    assert "outside_bound" not in findings(trace), "no weights give such a state"
    after = trace.top.after[0].clone()
    after[12, 1, 3] = -1.5
    changed = replace(trace.top, after=(after, *trace.top.after[1:]))
    found = findings(replace(trace, stacks={"recurrent": Stack((changed,))}))
    if bound is None:
        assert "outside_bound" not in found
        return
    assert found["outside_bound"].numbers == {"t": 13, "layer": 1, "unit": 4, "value": -1.5, "bound": bound}
    assert found["outside_bound"].severity == "severe"


def test_a_start_state_beyond_1_is_no_fault_of_a_gru_but_a_cell_state_that_leaps_is_of_an_lstm():
    gru = SequenceModel("gru", 2, 4, 1, generator=torch.Generator().manual_seed(0))
    inputs = torch.randn(9, 3, 2, generator=torch.Generator().manual_seed(1))
    started = record(gru, inputs, last_step_loss, start=[torch.full((1, 3, 4), 5.0)])
    assert float(started.hidden.abs().max()) > 1
    assert "outside_bound" not in findings(started)
    trace = small_pass("lstm", change=lambda stack: stack.bias_hh_l0.fill_(30.0))
    assert float(trace.cell_state.max()) > 20
    assert "outside_bound" not in findings(trace), "a cell state may add up"
    after = trace.top.after[1].clone()
    after[5, 0, 0] += 3
    leaps = replace(trace.top, after=(trace.top.after[0], after))
    found = findings(replace(trace, stacks={"recurrent": Stack((leaps,))}))["outside_bound"]
    assert found.evidence.startswith("c_t is ")
    assert found.numbers["t"] == 6
