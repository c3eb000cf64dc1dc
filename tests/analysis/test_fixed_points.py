"""Fixed and slow points against closed forms, and against the cell's own step."""

import math

import numpy as np
import pytest
import torch
from oracles import last_step_loss, make_model
from scipy.optimize import brentq

from analysis.figures.fixed_points import fixed_points_picture
from analysis.fixed_points import fixed_points, fixed_points_from
from models import record
from models.cells.registry import CELLS


def unit(weight, bias=0.0, **options):
    """h = tanh(weight · h + bias), one unit."""
    one = torch.ones(1, 1)
    return CELLS["elman"](one, weight * one, torch.full((1,), float(bias)), torch.zeros(1), **options)


def test_one_tanh_unit_has_the_three_points_of_its_equation():
    points = fixed_points_from(unit(2.0), torch.linspace(-1, 1, 41)[:, None])
    root = brentq(lambda h: math.tanh(2 * h) - h, 0.5, 1)
    order = np.argsort(points.states[:, 0])
    assert points.states[order, 0] == pytest.approx([-root, 0, root], abs=1e-9)
    slope = 2 * (1 - root**2)
    assert points.eigenvalues[order, 0] == pytest.approx([slope, 2, slope], abs=1e-8)
    assert points.unstable[order].tolist() == [0, 1, 0]
    assert points.is_fixed.all()
    assert points.found.sum() <= points.starts == 41


def test_a_slow_point_is_left_where_two_fixed_points_have_vanished():
    """h = tanh(2h + b) loses two of its points at |b| = 2/√2 − artanh(1/√2) = .5328; beyond, the state creeps past."""
    bias = -(2 / math.sqrt(2) - math.atanh(1 / math.sqrt(2))) - 0.01
    points = fixed_points_from(unit(2.0, bias), torch.tensor([[0.7], [-0.9]]))
    slow = int(np.argmax(points.states[:, 0]))
    assert len(points.speed) == 2
    assert points.is_fixed.tolist().count(True) == 1
    assert not points.is_fixed[slow]
    assert points.states[slow, 0] == pytest.approx(math.sqrt(0.5), abs=0.02)
    h = np.linspace(0.6, 0.8, 200_001)
    speeds = np.abs(np.tanh(2 * h + bias) - h)
    assert points.speed[slow] == pytest.approx(speeds.min(), rel=1e-5)
    assert points.states[slow, 0] == pytest.approx(h[speeds.argmin()], abs=1e-4)


def test_a_linear_network_has_one_point_and_the_input_moves_it():
    generator = torch.Generator().manual_seed(0)
    W = 0.5 * torch.randn(6, 6, generator=generator) / 6**0.5
    U, b, x = (torch.randn(6, 2, generator=generator), torch.randn(6, generator=generator), torch.tensor([1.0, -2.0]))
    cell = CELLS["elman"](U, W, b, torch.zeros(6), nonlinearity="identity")
    points = fixed_points_from(cell, torch.randn(5, 6, generator=generator), x)
    exact = np.linalg.solve(np.eye(6) - W.double().numpy(), (U @ x + b).double().numpy())
    assert points.states == pytest.approx(exact[None], abs=1e-6)
    assert sorted(np.abs(points.eigenvalues[0])) == pytest.approx(sorted(np.abs(np.linalg.eigvals(W.double()))))
    assert points.found.tolist() == [5]


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.recurrent_blocks])
def test_at_a_fixed_point_the_cells_own_step_changes_nothing(cell):
    model = make_model(cell, {}, hidden_size=5)
    inputs = torch.randn(20, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    trace = record(model, inputs, last_step_loss)
    points = fixed_points(trace.top, count=16)
    assert points.is_fixed.any() or cell == "lstm_1997", points.reason  # whose c only ever adds
    run = trace.top.in_float64().cell
    for s, eigenvalues in zip(points.states[points.is_fixed], points.eigenvalues[points.is_fixed], strict=True):
        state = torch.from_numpy(s)

        def step(state):
            parts = state[None].split(run.state_sizes, dim=1)
            return torch.cat(run.step(torch.zeros(1, 3, dtype=torch.float64), parts)[0], dim=1)[0]

        assert step(state).numpy() == pytest.approx(s, abs=1e-8)
        truth = np.linalg.eigvals(torch.autograd.functional.jacobian(step, state).numpy())
        assert sorted(np.abs(eigenvalues)) == pytest.approx(sorted(np.abs(truth)), abs=1e-6)


def test_weights_that_are_not_finite_have_no_points_and_a_reason():
    points = fixed_points_from(unit(math.nan), torch.zeros(2, 1))
    assert (len(points.speed), points.reason) == (0, "A weight or a state is not finite.")
    assert "no fixed point" in fixed_points_picture({"elman": points}).figure.layout.title.text


def test_a_network_that_only_runs_away_has_no_fixed_point():
    """h = h + 1 moves by 1 everywhere, so that the search ends where it began."""
    points = fixed_points_from(unit(1.0, 1.0, nonlinearity="identity"), torch.zeros(2, 1))
    assert points.speed.tolist() == [1]
    assert not points.is_fixed.any()


def test_what_does_not_fit_is_one_sentence():
    with pytest.raises(ValueError, match=r"starts have shape \(2, 3\); they must be \[start, 1\]"):
        fixed_points_from(unit(1.0), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"constant has shape \(4,\); it must be \[1\]"):
        fixed_points_from(unit(1.0), torch.zeros(2, 1), torch.zeros(4))


def test_the_picture_says_how_many_points_are_stable():
    points = fixed_points_from(unit(2.0), torch.linspace(-1, 1, 41)[:, None])
    picture = fixed_points_picture({"elman": points})
    assert picture.figure.layout.title.text == "Elman: 3 fixed points, 2 of them stable"
    assert len(picture.columns["cell"]) == 3
    assert {"point", "speed", "modulus", "real", "imaginary", "starts"} < set(picture.columns)
