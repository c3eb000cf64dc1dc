"""Conditions that stop a training, or tell of it."""

import pytest
import torch
from torch import nn

from models import AlertError, clipping_engaged, gradient_below, not_finite, watch


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_an_alert_stops_a_training_whose_gradient_vanishes():
    rnn = nn.RNN(1, 4)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(0.1 * torch.eye(4))
    with watch(rnn) as seen:
        seen.alert(gradient_below(1e-6, lag=20))
        rnn(torch.zeros(20, 1, 1))[0][-1].sum().backward()  # has no lag 20
        with pytest.raises(AlertError, match="the gradient at lag 20 is below 1e-06 of its size at lag 0"):
            rnn(torch.zeros(21, 1, 1))[0][-1].sum().backward()
    assert seen[""].seq_len == 21
    assert rnn.weight_hh_l0.grad is not None


def test_an_alert_tells_of_what_is_not_finite():
    rnn, told = nn.RNN(1, 4, nonlinearity="relu"), []
    with torch.no_grad():
        rnn.weight_hh_l0.fill_(1e30)
    with watch(rnn) as seen:
        seen.alert(not_finite(), then=told.append)
        rnn(torch.ones(5, 2, 1).abs())[0][0].sum().backward()
    (sentence,) = told
    assert sentence.startswith("the watched module: Inf or NaN first in the states of layer 1, at t = ")


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: clipping_engaged(90, steps=1), "share was 90; it must be a number above 0 and at most 1"),
        (lambda: clipping_engaged(0.9, steps=0), "steps was 0; it must be a whole number of at least 1"),
        (lambda: clipping_engaged("x", steps=1), "share was 'x'; it must be a number"),
        (lambda: gradient_below(-1, lag=3), "share was -1; it must be a number above 0"),
        (lambda: gradient_below(float("nan"), lag=3), "share was nan; it must be a number above 0"),
        (lambda: gradient_below(1e-6, lag=-3), "lag was -3; it must be a whole number of at least 1"),
        (lambda: gradient_below(1e-6, lag=1.5), "lag was 1.5; it must be a whole number of at least 1"),
        (lambda: watch(nn.GRU(1, 2)).alert(None), "condition was None; it must be a function"),
        (lambda: watch(nn.GRU(1, 2)).alert(not_finite(), then=5), "then was 5; it must be a function"),
    ],
)
def test_an_alert_that_could_never_fire_is_refused_at_once(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_an_alert_says_where_inf_comes_first_in_the_gradients():
    network, told = nn.RNN(1, 4, nonlinearity="relu").double(), []
    with torch.no_grad():
        network.weight_hh_l0.fill_(1.0)
    with watch(network) as seen:
        seen.alert(not_finite(), then=told.append)
        out, _ = network(torch.ones(5, 2, 1, dtype=torch.float64))
        (out[3] * torch.tensor(float("inf"))).sum().backward()
    (sentence,) = told
    assert sentence == "the watched module: Inf or NaN first in the gradients of layer 1, at t = 4."


def test_clipping_that_engages_too_often_is_told_once_there_are_so_many_steps():
    network, told = nn.GRU(2, 3), []
    with watch(network) as seen:
        seen.alert(clipping_engaged(0.5, steps=4), then=told.append)
        for step, norm in enumerate((5, 0.5, 5, 0.5, 0.5, 0.5)):
            network(torch.ones(5, 2, 2))[0].sum().backward()
            seen.log(loss=norm)
            seen.log(grad_norm=torch.tensor(norm), clip=1.0)
            assert len(told) == (step >= 3) + (step >= 4) - (step >= 4)
    assert told == ["the watched module: clipping engaged in 2 of the last 4 steps."]
