"""Pascanu's Ω against its definition, written out with autodiff Jacobians."""

import numpy as np
import pytest
import torch
from oracles import CONFIGURATION_NAMES, CONFIGURATIONS, LOSSES, make_model, with_arrays

from analysis.jacobian import step_jacobians
from analysis.penalty import norm_penalty
from models import record


def recorded(cell, options, seq_len=8, **keywords):
    model = make_model(cell, options, **keywords)
    inputs = torch.randn(seq_len, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return model, record(model, inputs, LOSSES["every"])


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
def test_omega_equals_its_definition(cell, options):
    _, trace = recorded(cell, options)
    J = step_jacobians(trace.top, samples=None, method="autodiff").matrices
    adjoint = trace.total_grad_hidden[0].numpy()
    if cell == "lstm":
        dh_dc = trace.gates["o"][0] * (1 - torch.tanh(trace.cell_state[0]) ** 2)
        c = trace.total_grad_cell[0] - dh_dc * trace.total_grad_hidden[0]
        adjoint = np.concatenate([adjoint, c.numpy()], axis=-1)
    terms = np.zeros((7, 3))
    for t in range(1, 8):
        for b in range(3):
            terms[t - 1, b] = np.linalg.norm(adjoint[t, b] @ J[t, b]) / np.linalg.norm(adjoint[t, b])
    result = norm_penalty(trace.top)
    assert np.abs(result.ratio - terms).max() < 1e-10
    assert result.omega == pytest.approx(((terms - 1) ** 2).sum(axis=0), rel=1e-9)
    assert result.reason is None


def test_reverse_direction_runs_from_the_last_input():
    _, trace = recorded("gru", {}, bidirectional=True)
    backwards = norm_penalty(trace.layers[1])
    J = step_jacobians(trace.layers[1], samples=None).matrices
    adjoint = trace.total_grad_hidden[1].flip(0).numpy()
    expected = np.linalg.norm(np.einsum("tbi,tbij->tbj", adjoint, J), axis=-1) / np.linalg.norm(adjoint, axis=-1)
    assert np.abs(backwards.ratio - expected[1:]).max() < 1e-10


def test_steps_without_a_gradient_are_left_out_and_said():
    model, trace = recorded("elman", {})
    some = record(model, trace.inputs, lambda outputs: outputs[3].sum())
    result = norm_penalty(some.top)
    assert np.isnan(result.ratio[3:]).all()
    assert np.isfinite(result.ratio[:3]).all()
    assert np.isfinite(result.omega).all()
    assert "left out" in result.reason
    one = norm_penalty(recorded("elman", {}, seq_len=1)[1].top)
    assert (one.omega == 0).all()
    assert "one timestep" in one.reason
    broken = trace.grad_hidden.clone()
    broken[0, 4] = torch.nan
    assert norm_penalty(with_arrays(trace, grad_hidden=broken).top).reason is not None
