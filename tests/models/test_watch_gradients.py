"""The traces account for the gradients that autograd gave to the weights, or a note says that there is more."""

import pytest
import torch
from torch import nn
from watched_networks import assert_own_gradients

from models import watch
from models.recording.watch_words import MORE_GRADIENT

T, B = 6, 3


pytestmark = pytest.mark.usefixtures("float64")


def seen_of(module, loss, **options):
    with watch(module, **options) as seen:
        loss().backward()
    return seen


def test_a_penalty_on_the_gradient_of_another_pass_is_noticed():
    critic, x = nn.LSTM(3, 4), torch.randn(T, B, 3)

    def wasserstein():
        real = x.clone().requires_grad_()
        (grad,) = torch.autograd.grad(critic(real)[0][-1].sum(), real, create_graph=True)
        return critic(x)[0][-1].sum() + 10 * (grad.norm(dim=2) - 1).square().mean()

    assert MORE_GRADIENT in seen_of(critic, wasserstein).notes[""]


def test_a_penalty_on_a_weight_is_noticed():
    rnn, x = nn.GRU(3, 4), torch.randn(T, B, 3)
    seen = seen_of(rnn, lambda: rnn(x)[0].square().sum() + 0.1 * rnn.weight_hh_l0.square().sum())
    assert MORE_GRADIENT in seen.notes[""]


def test_weights_that_two_modules_share_get_the_gradients_of_both():
    one, two = nn.GRU(3, 4), nn.GRU(3, 4)
    two.weight_hh_l0 = one.weight_hh_l0
    pair, x = nn.ModuleList([one, two]), torch.randn(T, B, 3)
    assert not seen_of(pair, lambda: (one(x)[0] * two(x)[0]).sum()).notes
    one.eval()
    with watch(one) as seen:
        (one(x)[0] * two(x)[0]).sum().backward()
    assert MORE_GRADIENT in seen.notes[""]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("make", [nn.RNN, nn.GRU])  # not every processor has LSTMs of these
def test_short_numbers_are_no_other_gradient(make, dtype):
    rnn, x = make(8, 32).float(), torch.randn(40, B, 8, dtype=torch.float32)
    with torch.autocast("cpu", dtype):
        seen = seen_of(rnn, lambda: 100 * rnn(x)[0].float().square().mean())
    assert not seen.notes
    whole, y = make(8, 32).to(dtype), x.to(dtype)
    assert not seen_of(whole, lambda: whole(y)[0].float().square().mean()).notes


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_long_sequence_is_no_other_gradient(make):
    rnn, x = make(3, 24).float(), torch.randn(1000, 2, 3, dtype=torch.float32)
    assert not seen_of(rnn, lambda: rnn(x)[0].square().sum()).notes


def test_an_optimiser_that_steps_and_forgets_within_the_pass_is_no_other_gradient():
    rnn, x = nn.LSTM(3, 4), torch.randn(T, B, 3)

    def step(weight):
        with torch.no_grad():
            weight -= 0.1 * weight.grad
        weight.grad.zero_()

    for weight in rnn.parameters():
        weight.register_post_accumulate_grad_hook(step)
    assert not seen_of(rnn, lambda: rnn(x)[0].square().sum()).notes


def test_a_run_has_the_gradients_of_all_sequences(tmp_path):
    rnn, x = nn.GRU(3, 4), torch.randn(T, 16, 3)
    seen = seen_of(rnn, lambda: rnn(x)[0].square().sum(), run=tmp_path / "run", samples=2)
    assert_own_gradients(seen, rnn)
    assert seen[""].log_norm.shape[2] == 16


@pytest.mark.parametrize("vectorized", [True, False])
def test_many_gradients_at_once_pass_by(vectorized):
    rnn, x = nn.LSTM(3, 4), torch.randn(T, B, 3)

    def jacobian():
        return torch.autograd.functional.jacobian(lambda x: rnn(x)[0][-1, 0], x, vectorize=vectorized)

    plain = jacobian()
    with watch(rnn) as seen:
        assert torch.equal(jacobian(), plain)
        assert ("vectorized" in seen.notes.get("", "")) == vectorized
        rnn(x)[0].sum().backward()
    assert not seen.notes
    assert_own_gradients(seen, rnn)


@pytest.mark.parametrize("is_older", [True, False])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_hook_on_a_weight_has_a_note_whether_it_is_older_than_the_watch_or_not(is_older, steps):
    gru = nn.GRU(3, 4)

    def shrink():
        gru.weight_hh_l0.register_hook(lambda grad: 0.3 * grad)

    if is_older:
        shrink()
    with watch(gru) as seen:
        if not is_older:
            shrink()
        for _ in range(steps):
            gru.zero_grad()
            gru(torch.randn(5, 2, 3))[0].square().sum().backward()
    assert torch.allclose(gru.weight_hh_l0.grad, 0.3 * seen[""].parameter_grads["weight_hh_l0"], rtol=1e-4)
    assert "got another gradient than the trace accounts for" in seen.notes[""]
