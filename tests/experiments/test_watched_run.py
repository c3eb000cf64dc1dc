"""`watch(module, run=…)`: the run folder of somebody's own training gives back what was seen, step by step."""

import numpy as np
import pytest
import torch
from test_recorded_layers import bits
from torch import nn
from watching import Looped, Packed, Translator, train_watched

from experiments.probing.watched import watched_step
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.runs.store.layers import layer_records, weights_at
from experiments.runs.verify import verify
from models import watch
from models.recording.layer_record import LayerRecord

T, B = 6, 3


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def same_record(stored: LayerRecord, seen: LayerRecord) -> None:
    """Two records of one sequence hold the same bits."""
    assert type(stored.cell) is type(seen.cell)
    assert {n: bits(w) for n, w in stored.cell.weights.items()} == {n: bits(w) for n, w in seen.cell.weights.items()}
    assert stored.gates.keys() == seen.gates.keys()
    pairs = [(stored.inputs, seen.inputs), (stored.log_norm, seen.log_norm)]
    pairs += [(stored.direct_log_norm, seen.direct_log_norm)]
    pairs += [(stored.gates[name], seen.gates[name]) for name in seen.gates]
    pairs += [*zip((*stored.before, *stored.after), (*seen.before, *seen.after), strict=True)]
    scaled = (stored.direct + stored.total + stored.grad_start, seen.direct + seen.total + seen.grad_start)
    for one, other in zip(*scaled, strict=True):
        pairs += [(one.parts[0], other.parts[0]), (one.exponent, other.exponent)]
    for one, other in pairs:
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert bits(one) == bits(other)
    assert stored.reverse == seen.reverse


def squares(network, *arguments):
    return lambda: network(*arguments).square().mean()


def plain(network):
    return [squares(network, torch.randn(T, B, 3, dtype=next(network.parameters()).dtype)) for _ in range(3)]


def packed(network):
    return [squares(network, torch.randn(T, B, 3), lengths) for lengths in ([3, 6, 2], [6, 6, 6], [1, 6, 4])]


def both(network):
    return [squares(network, torch.randn(T, B, 3), torch.randn(4, B, 2)) for _ in range(3)]


NETWORKS = {
    "translator": (Translator, both),
    "projected": (lambda: Packed(nn.LSTM(3, 5, num_layers=2, proj_size=2)), packed),
    "packed, both directions": (lambda: Packed(nn.GRU(3, 4, bidirectional=True)), packed),
    "cell in a loop": (lambda: Looped(nn.LSTMCell(3, 4, bias=False)), plain),
    "float64": (lambda: Looped(nn.RNNCell(3, 4, nonlinearity="relu")).double(), plain),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recorded_step_gives_back_what_was_seen_bit_by_bit(tmp_path, name):
    make, losses = NETWORKS[name]
    network = make()
    run, traces = train_watched(network, losses(network), tmp_path / "mine", samples=2)
    assert (run.status, run.progress.step, run.progress.committed, run.steps) == ("finished", 3, 3, None)
    for step, of_step in enumerate(traces, start=1):
        assert run.forms.keys() == of_step.keys()
        for module, trace in of_step.items():
            stack = layer_records(run.of(module), step)
            assert len(stack.layers) == len(trace.layers)
            for stored, seen in zip(stack.layers, trace.layers, strict=True):
                for k in range(2):
                    same_record(stored.sequence(k), seen.sequence(k))
    assert verify(run.folder).problems == ()


def test_the_weights_are_those_of_the_step_in_torchs_names(tmp_path):
    network = nn.GRU(3, 4)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    run, _ = train_watched(network, [lambda: network(torch.ones(T, B, 3))[0].sum()] * 2, tmp_path / "mine")
    stored = {name.removeprefix("."): weight for name, weight in weights_at(run, 1).items()}
    assert stored.keys() == before.keys()
    assert all(torch.equal(stored[name], weight) for name, weight in before.items())
    assert not torch.equal(weights_at(run, 2)[".weight_hh_l0"], before["weight_hh_l0"])


def test_fewer_sequences_and_timesteps_than_at_first_leave_nothing_of_others(tmp_path):
    network = Looped(nn.GRUCell(3, 4))
    losses = [squares(network, torch.randn(t, b, 3)) for t, b in ((T, B), (4, 1))]
    run, traces = train_watched(network, losses, tmp_path / "mine", samples=3)
    (stored,) = layer_records(run, 2).layers
    assert (stored.seq_len, stored.batch_size) == (4, 1)
    same_record(stored, traces[1]["cell"].top)
    assert np.isnan(run.tensor("log_norm")[1, 0, 4:]).all()
    assert np.isnan(run.tensor("log_norm")[1, 0, :, 1:]).all()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_of_a_longer_sequence_the_last_timesteps_are_kept(tmp_path, bidirectional):
    """Against the same module on those timesteps alone, which starts from the state before them."""
    network = nn.LSTM(3, 4, bidirectional=bidirectional).double()
    x = torch.randn(9, 2, 3, dtype=torch.float64)
    losses = [lambda: network(x[:5])[0].square().sum(), lambda: network(x)[0].square().sum()]
    run, traces = train_watched(network, losses, tmp_path / "mine", samples=2)
    layer, whole = layer_records(run, 2).layers[0], traces[1][""].layers[0]
    assert bits(layer.log_norm) == bits(whole.log_norm[4:])
    assert bits(layer.hidden) == bits(whole.hidden[4:])
    start = [s[3].clone().requires_grad_() for s in whole.after]
    states = [tuple(start)]
    for x_t in x[4:]:
        states.append(layer.cell.step(x_t, states[-1])[0])
    torch.autograd.backward([h for h, _ in states[1:]], list(whole.direct[0].parts[0][4:]))
    for stored, true in zip(layer.grad_start, start, strict=True):
        assert torch.allclose(stored.parts[0] * 2.0 ** stored.exponent[:, None], true.grad, rtol=1e-12, atol=0)
    (event,) = [e for e in run.events() if e["kind"] == "left_out"]
    assert "keep their last 5; watch(..., timesteps=9) makes room" in event["text"]


@pytest.mark.parametrize("lengths", [[12, 7, 20, 5], [5, 7, 20, 12]])
@pytest.mark.parametrize("samples", [None, 2, 4])
def test_sequences_of_unequal_lengths_are_probed_as_they_are_reported(tmp_path, lengths, samples):
    torch.manual_seed(0)
    network, inputs = nn.LSTM(3, 8), torch.randn(20, 4, 3)
    with watch(network, run=tmp_path / "mine", samples=samples) as seen:
        packed = nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor(lengths), enforce_sorted=False)
        nn.utils.rnn.pad_packed_sequence(network(packed)[0])[0].sum().backward()
    (module,) = seen.report().modules
    probed = watched_step(open_run(tmp_path / "mine"), 1)
    assert probed.profile.median == pytest.approx(module.profiles[0].median, rel=1e-6)
    assert "diverged" not in {finding.kind for finding in [*probed.findings, *module.findings]}
    assert probed.about.endswith("the 1 kept of 4 sequences; the profile of ‖dL/dh_t‖ is of all 4")
    alone = watch(network, samples=2)
    nn.utils.rnn.pad_packed_sequence(network(packed)[0])[0].sum().backward()
    alone.close()
    assert "diverged" not in {finding.kind for finding in alone.report().modules[0].findings}


def test_room_for_longer_sequences_can_be_asked_for(tmp_path):
    network = nn.GRU(3, 4)
    losses = [lambda n=n: network(torch.randn(n, 2, 3))[0].sum() for n in (5, 9)]
    run, traces = train_watched(network, losses, tmp_path / "mine", timesteps=9)
    for step in (1, 2):
        stored = layer_records(run, step).top
        same_record(stored, traces[step - 1][""].top.sequence(0))
    assert not [e for e in run.events() if e["kind"] == "left_out"]


def test_a_module_that_a_step_does_not_reach_says_so(tmp_path):
    network = nn.ModuleDict({"a": nn.GRU(3, 4), "b": nn.RNN(3, 2)})
    x = torch.randn(T, B, 3)
    losses = [
        lambda: network["a"](x)[0].sum() + network["b"](x)[0].sum(),
        lambda: network["b"](x)[0].sum(),
    ]
    run, _ = train_watched(network, losses, tmp_path / "mine")
    assert layer_records(run.of("b"), 2).top.seq_len == T
    with pytest.raises(RunError, match="step was 2, whose backward pass did not reach the module 'a'"):
        layer_records(run.of("a"), 2)
    with pytest.raises(RunError, match="has no module 'c'; it has 'a', 'b'"):
        run.of("c")


def test_a_run_that_keeps_some_units_says_what_it_cannot_show(tmp_path):
    network = nn.GRU(3, 4)
    run, traces = train_watched(network, [lambda: network(torch.ones(T, B, 3))[0].sum()], tmp_path / "mine", units=2)
    assert np.array_equal(run.tensor("hidden")[0, 0, :, 0], traces[0][""].hidden[0, :, 0, :2])
    with pytest.raises(RunError, match=r"keeps the states of 2 of its 4 units.*watch it without units="):
        layer_records(run)


def test_one_step_of_so_many_is_kept_and_every_step_has_its_numbers(tmp_path):
    network = nn.GRU(3, 4)
    losses = [lambda k=k: network(torch.full((T, B, 3), float(k)))[0].sum() for k in range(8)]
    run, _ = train_watched(network, losses, tmp_path / "mine", every=3)
    assert run.tensor("step")[:].tolist() == [1, 4, 7]
    assert run.scalars()["step"].tolist() == list(range(1, 9))
    assert bits(layer_records(run, 7).top.inputs) == bits(torch.full((T, 1, 3), 6.0))
    with pytest.raises(RunError, match="has not recorded it, so choose another, such as 4"):
        layer_records(run, 5)


def test_the_training_is_the_unwatched_one(tmp_path):
    def trained(**options):
        torch.manual_seed(1)
        network = Translator()
        losses = both(network)
        if options:
            train_watched(network, losses, **options)
        else:
            optimiser = torch.optim.SGD(network.parameters(), 0.1)
            for compute in losses:
                optimiser.zero_grad()
                compute().backward()
                optimiser.step()
        return [*map(bits, network.parameters()), torch.get_rng_state().tolist()]

    assert trained() == trained(folder=tmp_path / "mine", every=2)


def test_several_calls_per_step_keep_the_last(tmp_path):
    network = nn.GRU(3, 4)
    a, b = torch.randn(2, T, B, 3)
    run, _ = train_watched(network, [lambda: (network(a)[1] - network(b)[1]).square().sum()], tmp_path / "mine")
    assert bits(layer_records(run).top.inputs) == bits(b[:, :1])
    assert "the last of several calls per step is kept" in run.events()[0]["text"]


def test_a_network_without_a_recorded_step_leaves_no_folder_and_says_so(tmp_path):
    with pytest.warns(UserWarning, match="run mine was not made: no recorded step has ended"):
        watch(nn.GRU(3, 4), run=tmp_path / "mine").close()
    assert not (tmp_path / "mine").exists()


def test_the_folder_of_runs_is_found_again_by_its_name(tmp_path):
    network = nn.GRU(3, 4)
    run, _ = train_watched(
        network, [lambda: network(torch.ones(T, B, 3))[0].sum()], tmp_path / "runs" / "mine", title="a title"
    )
    assert (run.name, run.title, run.description.kind) == ("mine", "a title", "module")
    assert open_run(tmp_path / "runs" / "mine").form == run.form
