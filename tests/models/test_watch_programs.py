"""Seven programs as their users write them, watched without changing a line: what is seen equals explicit loops."""

import pytest
import torch
from explicit_loops import states_and_gradients, with_loops
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from models import watch
from models.bptt.scaled import true_value


def check(network, run, **watched_as):
    """Run a program unwatched, watched, and with loops in the place of its recurrent modules; return what was seen.

    Args:
        network: the user's own.
        run: the user's own training step on it, up to `backward`; gives back its loss.
        watched_as: the name in the watched network → the name of the loop, where they differ.
    """
    twin, looped = with_loops(network)
    results = []
    for is_watched in (False, True):
        network.zero_grad()
        torch.manual_seed(5)
        if is_watched:
            with watch(network) as seen:
                value = run(network)
        else:
            value = run(network)
        results.append((value.detach(), {n: p.grad for n, p in network.named_parameters()}, torch.get_rng_state()))
    (loss, grads, random_state), (watched_loss, watched_grads, watched_random_state) = results
    assert torch.equal(loss, watched_loss)
    assert torch.equal(random_state, watched_random_state)
    assert all(a is watched_grads[n] is None or torch.equal(a, watched_grads[n]) for n, a in grads.items())

    torch.manual_seed(5)
    assert torch.allclose(run(twin), loss, rtol=0, atol=1e-12)
    for name in seen.names:
        calls = looped[watched_as.get(name, name)].calls
        traces, first = seen.calls(name), 0
        for trace in traces:
            if len(traces) == 1:
                own = calls
            else:
                own, first = calls[first : first + 1], first + 1
            for k, layer in enumerate(trace.layers):
                for which in range(len(layer.after)):
                    states, total = states_and_gradients(own, k, which)
                    assert torch.allclose(layer.after[which], states, rtol=0, atol=1e-10), (name, k, which)
                    assert torch.allclose(true_value(layer.total[which]), total, rtol=0, atol=1e-10), (name, k, which)
    return seen


@pytest.fixture(autouse=True)
def _float64():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class PackedClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True, dropout=0.3)
        self.fc = nn.Linear(10, 3)

    def forward(self, tokens, lengths):
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        _, (h_n, _) = self.lstm(packed)
        return self.fc(torch.cat([h_n[-2], h_n[-1]], dim=1))


def test_a_classifier_over_packed_input():
    lengths = torch.tensor([3, 7, 5])
    tokens = torch.randint(1, 20, (3, 7)) * (torch.arange(7) < lengths[:, None])
    labels = torch.tensor([0, 2, 1])

    def run(net):
        loss = functional.cross_entropy(net(tokens, lengths), labels)
        loss.backward()
        return loss

    seen = check(PackedClassifier(), run)
    trace = seen["lstm"]
    assert len(trace.layers) == 4
    assert torch.equal(trace.layers[0].lengths, lengths)
    assert trace.log_norm[0, :, 0].isnan().tolist() == [False] * 3 + [True] * 4


class CharacterModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.gru = nn.GRU(4, 6)
        self.decoder = nn.Linear(6, 11)

    def forward(self, x, hidden):
        out, hidden = self.gru(self.embedding(x), hidden)
        return self.decoder(out), hidden


def test_a_character_model_that_carries_its_state_over_batches():
    text = torch.randint(0, 11, (13, 2))

    def run(net):
        hidden = torch.zeros(1, 2, 6)
        for start in (0, 6):
            hidden = hidden.detach()
            logits, hidden = net(text[start : start + 6], hidden)
            loss = functional.cross_entropy(logits.flatten(0, 1), text[start + 1 : start + 7].flatten())
            net.zero_grad()
            loss.backward()
        run.last_start = hidden
        return loss

    net = CharacterModel()
    twin, looped = with_loops(net)
    with watch(net) as seen:
        loss = run(net)
    torch.testing.assert_close(run(twin), loss)
    (trace,) = seen.calls("gru")
    states, total = states_and_gradients(looped["gru"].calls[1:], 0, 0)
    assert torch.allclose(trace.hidden[0], states, rtol=0, atol=1e-12)
    assert torch.allclose(trace.total_grad_hidden[0], total, rtol=0, atol=1e-12)
    assert trace.layers[0].start[0].abs().sum() > 0


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.gru = nn.GRU(4, 5, batch_first=True)

    def forward(self, x):
        return self.gru(self.embedding(x))


class BahdanauAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.Wa, self.Ua, self.Va = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 1)

    def forward(self, query, keys):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys))).squeeze(2).unsqueeze(1)
        weights = functional.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class AttentionDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.attention = BahdanauAttention()
        self.gru = nn.GRU(4 + 5, 5, batch_first=True)
        self.out = nn.Linear(5, 9)
        self.dropout = nn.Dropout(0.2)

    def forward(self, encoder_outputs, hidden, target):
        tokens, logits = torch.zeros(len(target), 1, dtype=torch.long), []
        for t in range(target.shape[1]):
            embedded = self.dropout(self.embedding(tokens))
            context, _ = self.attention(hidden.permute(1, 0, 2), encoder_outputs)
            output, hidden = self.gru(torch.cat([embedded, context], dim=2), hidden)
            logits.append(self.out(output))
            tokens = target[:, t : t + 1]
        return torch.cat(logits, dim=1)


def test_an_encoder_and_a_decoder_with_bahdanau_attention():
    net = nn.ModuleDict({"encoder": Encoder(), "decoder": AttentionDecoder()})
    source, target = torch.randint(0, 9, (2, 6)), torch.randint(0, 9, (2, 5))

    def run(net):
        outputs, hidden = net["encoder"](source)
        logits = net["decoder"](outputs, hidden, target)
        loss = functional.nll_loss(functional.log_softmax(logits, dim=-1).flatten(0, 1), target.flatten())
        loss.backward()
        return loss

    seen = check(net, run)
    assert len(seen.calls("decoder.gru")) == 1
    assert seen["decoder.gru"].seq_len == 5
    # attention reads the state before each step, the output layer the state after it: both are direct
    assert bool(seen["decoder.gru"].direct_log_norm.isfinite().all())


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
