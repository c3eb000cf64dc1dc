"""The training loop against a plain torch loop, and what each step keeps."""

import math

import numpy as np
import pytest
import torch

from analysis.clipping import clip
from analysis.spectrum import block_spectra
from experiments.config.run_config import ConfigError
from experiments.runs.form import chosen
from experiments.runs.opening import config_of
from experiments.runs.records import is_recorded
from experiments.runs.store.layout import QUANTILES
from experiments.training.build import build, generators
from experiments.training.schedule import seq_len_at
from experiments.training.training import OPTIMISERS, Training

PLAIN = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "adam": lambda p, lr: torch.optim.Adam(p, lr),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr),
}


@pytest.mark.parametrize("optimiser", PLAIN)
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_training_equals_a_plain_torch_loop_with_autograd_and_torchs_own_clipping(tiny, cell, optimiser):
    config = tiny(cell=cell, optimiser=optimiser, dtype="float64", learning_rate=0.02, clip_threshold=0.2)
    training = Training(config)
    twin = build(config)
    _, data = generators(config.seed)
    plain = PLAIN[optimiser](twin.model.parameters(), 0.02)
    for _ in range(6):
        step = training.advance()
        training.update(step.clipping.grads)
        inputs, targets = twin.task.sample(config.batch_size, config.seq_len, data, torch.float64)
        plain.zero_grad()
        loss = twin.task.loss(twin.model(inputs), targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(twin.model.parameters(), 0.2)
        plain.step()
        assert step.scalars["loss"] == pytest.approx(loss.item(), rel=1e-5)  # torch adds 1e-6 to the norm
        assert step.scalars["log_norm_before"] == pytest.approx(math.log(norm.item()), abs=1e-5)
        assert step.scalars["clipped"] == (norm.item() > 0.2)
    for (name, a), (_, b) in zip(training.model.named_parameters(), twin.model.named_parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6), name
    assert set(OPTIMISERS) == set(PLAIN)


@pytest.mark.parametrize("task", ["adding", "temporal_order", "copying", "next_character"])
def test_every_task_trains_and_is_evaluated(trained, task):
    run = trained(task=task, steps=10, truncate=3)
    evaluation = run.scalars()["evaluation_loss"]
    assert np.isfinite(evaluation[-1])
    assert np.isnan(evaluation[:-1]).all()
    assert run.progress.reason == "steps"


def test_a_recorded_step_keeps_what_the_pass_of_that_step_had(trained, tiny):
    """Against a second training that is stepped by hand and looked at by the analyses."""
    run = trained(seq_len_schedule="ranged", seq_len_min=5, num_layers=2, bidirectional=True, record_units="1,3")
    config = config_of(run)
    twin = Training(config)
    samples, units = chosen("", config.record_samples, config.batch_size), np.array([1, 3])
    row = 0
    for s in range(1, config.steps + 1):
        spectra = {(l, d): block_spectra(twin.model.recurrent.cell(l, d)) for l in range(2) for d in range(2)}
        step = twin.advance()
        twin.update(step.clipping.grads)
        if not is_recorded(run.form, s):
            continue
        trace, T = step.trace, step.trace.seq_len
        kept = {name: run.tensor(name)[row] for name in run.tensors if run.tensor(name).dimensions[0] == "step"}
        assert kept["step"] == s
        assert kept["length"] == T
        assert kept["loss"] == step.scalars["loss"]
        assert np.array_equal(kept["log_norm"][:, :T], trace.log_norm.numpy().astype(np.float32))
        assert np.isnan(kept["log_norm"][:, T:]).all()
        by_hand = np.quantile(trace.log_norm.numpy(), QUANTILES, axis=-1, method="nearest")
        assert np.allclose(kept["log_norm_quantile"][:, :T, 1], by_hand[1], atol=1e-5)
        assert np.array_equal(kept["hidden"][:, :T], trace.hidden.numpy()[:, :, samples][..., units])
        assert np.array_equal(kept["cell_state"][:, :T], trace.cell_state.numpy()[:, :, samples][..., units])
        for g, gate in enumerate(trace.gates.values()):
            assert np.array_equal(kept["gates"][g][:, :T], gate.numpy()[:, :, samples][..., units])
        clipping = clip(trace.parameter_grads, 0.3, "norm", trace.parameter_log_norm)
        assert list(clipping.parameter_log_norm_before.values()) == kept["parameter_log_norm_before"].tolist()
        assert list(clipping.parameter_log_norm_after.values()) == kept["parameter_log_norm_after"].tolist()
        for (l, d), blocks in spectra.items():
            for b, spectrum in enumerate(blocks.values()):
                at = (2 * l + d, b)
                assert kept["spectral_norm"][at] == pytest.approx(spectrum.spectral_norm, rel=1e-9)
                assert kept["spectral_radius"][at] == pytest.approx(spectrum.spectral_radius, rel=1e-9)
        row += 1
    assert row == len(run.tensor("step")) == run.form.record_count
    assert run.attributes["layer"] == ["l0", "l0_reverse", "l1", "l1_reverse"]


def test_the_same_settings_give_the_same_numbers(trained, tmp_path):
    one, other = trained(), trained(tmp_path / "other")
    a, b = one.scalars(), other.scalars()
    assert all(np.array_equal(a[name], b[name], equal_nan=True) for name in a if name != "seconds")


# sequence lengths


def test_schedules_stay_within_their_range(tiny):
    g = torch.Generator().manual_seed(0)
    fixed, ranged, growing = (
        tiny(seq_len_schedule=schedule, seq_len=20, seq_len_min=4, steps=100)
        for schedule in ("fixed", "ranged", "curriculum")
    )
    assert {seq_len_at(fixed, s, g) for s in range(1, 101)} == {20}
    assert {seq_len_at(ranged, s, g) for s in range(1, 500)} == set(range(4, 21))
    lengths = [seq_len_at(growing, s, g) for s in range(1, 101)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[25], lengths[50], lengths[99]) == (4, 12, 20, 20)


def test_a_range_upside_down_is_refused(tiny):
    with pytest.raises(ConfigError, match=r"^seq_len_min was 10; it must be at most seq_len, which was 8"):
        Training(tiny(seq_len_schedule="ranged"))


def test_units_and_samples_are_chosen_evenly_by_index_or_all():
    assert chosen("f", 3, 9).tolist() == [0, 4, 8]
    assert chosen("f", 100, 3).tolist() == [0, 1, 2]
    assert chosen("f", None, 3).tolist() == [0, 1, 2]
    assert chosen("f", "7,2,7", 9).tolist() == [2, 7]
    assert chosen("f", 0, 9).tolist() == []
    with pytest.raises(ConfigError, match=r"^record_units was '9'; it must be indices below 9\.$"):
        chosen("record_units", "9", 9)
