"""Programs on pictures, pairs and episodes, and a compiled one, watched without changing a line."""

import pytest
import torch
from explicit_loops import states_and_gradients, with_loops
from torch import nn
from torch.nn import functional
from watched_programs import check

from models import watch
from models.bptt.scaled import true_value

pytestmark = pytest.mark.usefixtures("float64")


class ConvolutionsAndLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )
        self.rnn = nn.LSTM(12, 5, bidirectional=True)
        self.fc = nn.Linear(10, 7)

    def forward(self, image):
        features = self.cnn(image).permute(3, 0, 1, 2).flatten(2)
        out, _ = self.rnn(features)
        return functional.log_softmax(self.fc(out), dim=2)


def test_convolutions_under_a_bidirectional_lstm_with_ctc():
    images, targets = torch.randn(2, 1, 8, 16), torch.tensor([[1, 2, 3], [4, 4, 5]])

    def run(net):
        loss = functional.ctc_loss(net(images), targets, torch.full((2,), 8), torch.full((2,), 3))
        loss.backward()
        return loss

    seen = check(ConvolutionsAndLSTM(), run)
    assert seen["rnn"].num_directions == 2


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 5, num_layers=2, batch_first=True, dropout=0.5)

    def forward(self, a, b):
        _, h_a = self.gru(a)
        _, h_b = self.gru(b)
        return torch.exp(-(h_a[-1] - h_b[-1]).abs().sum(dim=1))


def test_a_siamese_gru_has_one_trace_per_call():
    a, b, same = torch.randn(4, 6, 3), torch.randn(4, 6, 3), torch.tensor([1.0, 0, 0, 1])

    def run(net):
        loss = functional.mse_loss(net(a, b), same)
        loss.backward()
        return loss

    seen = check(Siamese(), run)
    first, second = seen.calls("gru")
    assert torch.equal(first.inputs, a.transpose(0, 1))
    assert torch.equal(second.inputs, b.transpose(0, 1))
    assert seen["gru"] is second


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 6)
        self.cell = nn.LSTMCell(6, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, observation, state):
        state = self.cell(functional.relu(self.body(observation)), state)
        return self.head(state[0]), state


def test_an_agent_that_steps_an_lstm_cell_through_an_episode():
    observations, rewards = torch.randn(9, 1, 4), torch.randn(8)

    def run(net):
        state, values = (torch.zeros(1, 5), torch.zeros(1, 5)), []
        for observation in observations:
            value, state = net(observation, state)
            values.append(value.max(dim=1).values[0])
            with torch.no_grad():
                net(observation, state)  # a greedy policy looks ahead
        targets = rewards + 0.9 * torch.stack(values[1:]).detach()
        loss = functional.smooth_l1_loss(torch.stack(values[:-1]), targets)
        loss.backward()
        return loss

    net = Agent()
    twin, looped = with_loops(net)
    with watch(net) as seen:
        loss = run(net)
    (trace,) = seen.calls("cell")
    assert trace.seq_len == 8  # the ninth value is a target only
    with torch.no_grad():
        looped["cell"].forward = no_retain(looped["cell"])
    torch.testing.assert_close(run(twin), loss)
    calls = [call for call in looped["cell"].calls if call.states[0, 0, 0][0].requires_grad][:8]
    for which in range(2):
        states, total = states_and_gradients(calls, 0, which)
        assert torch.allclose(trace.layers[0].after[which], states, rtol=0, atol=1e-12)
        assert torch.allclose(true_value(trace.layers[0].total[which]), total, rtol=0, atol=1e-12)


def no_retain(looped):
    """Loops that also run without gradients."""
    kept = looped.forward
    return lambda x, hx=None: kept(x, hx) if torch.is_grad_enabled() else looped.module(x, hx)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 4)
        self.lstm = nn.LSTM(4, 5, batch_first=True)
        self.fc = nn.Linear(5, 1)

    def forward(self, x):
        out, _ = self.lstm(torch.tanh(self.inner(x)))
        return self.fc(out[:, -1])


def test_a_model_wrapped_by_torch_compile():
    x, y = torch.randn(3, 6, 3), torch.randn(3, 1)
    net = Regressor()
    twin, looped = with_loops(net)
    compiled = torch.compile(net, backend="eager")

    def run(net):
        loss = functional.mse_loss(net(x), y)
        loss.backward()
        return loss

    unwatched = run(compiled).detach()  # compiled before it is watched, as in the middle of a training
    grads = {name: p.grad.clone() for name, p in net.named_parameters()}
    net.zero_grad()
    with watch(compiled) as seen:
        assert torch.equal(run(compiled), unwatched)
    assert all(torch.equal(p.grad, grads[name]) for name, p in net.named_parameters())
    run(twin)
    states, total = states_and_gradients(looped["lstm"].calls, 0, 0)
    assert seen.names == ("_orig_mod.lstm",)
    assert torch.allclose(seen["_orig_mod.lstm"].hidden[0], states, rtol=0, atol=1e-12)
    assert torch.allclose(seen["_orig_mod.lstm"].total_grad_hidden[0], total, rtol=0, atol=1e-12)


class AttendingRegressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 6, batch_first=True)
        self.attention = nn.MultiheadAttention(6, num_heads=2, batch_first=True)
        self.fc = nn.Linear(6, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        attended, _ = self.attention(out, out, out)
        return self.fc(attended.mean(dim=1))


def test_multi_head_attention_over_an_lstm():
    x, y = torch.randn(3, 6, 3), torch.randn(3, 1)

    def run(net):
        loss = functional.mse_loss(net(x), y)
        loss.backward()
        return loss

    seen = check(AttendingRegressor(), run)
    assert bool(seen["lstm"].direct_log_norm.isfinite().all()), "attention reads every state"
