"""Programs on text as their users write them, watched without changing a line: what is seen equals explicit loops."""

import pytest
import torch
from explicit_loops import states_and_gradients, with_loops
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence
from watched_programs import check

from models import watch

pytestmark = pytest.mark.usefixtures("float64")


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
