"""A pass that needs too much memory is refused before anything is allocated."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.config import limits
from experiments.config.limits import MEMORY_LIMIT, check_memory, memory_estimate, readable
from experiments.config.run_config import ConfigError, RunConfig
from experiments.tasks import make_task

LARGEST = RunConfig(
    seq_len=100_000, batch_size=4096, hidden_size=4096, num_layers=16, bidirectional=True, dtype="float64"
)


def trace_bytes(config: RunConfig) -> int:
    """Bytes of what a Trace certainly keeps: states, gates and gradients of all layers, inputs and outputs."""
    gates = {"elman": 0, "lstm": 4, "gru": 3}[config.cell]
    states = 2 if config.cell == "lstm" else 1
    task = make_task(config)
    T, B = task.length(config.seq_len), config.batch_size
    layers = config.num_layers * (2 if config.bidirectional else 1)
    numbers = layers * config.hidden_size * (2 * states + 1 + gates) + task.input_size + task.output_size
    return T * B * numbers * (8 if config.dtype == "float64" else 4)


sizes = st.builds(
    RunConfig,
    task=st.sampled_from(["adding", "copying", "temporal_order", "next_character"]),
    cell=st.sampled_from(["elman", "lstm", "gru"]),
    seq_len=st.integers(1, 10_000),
    batch_size=st.integers(1, 4096),
    hidden_size=st.integers(1, 4096),
    num_layers=st.integers(1, 15),
    bidirectional=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)


@given(sizes)
def test_the_estimate_is_more_than_the_trace_itself(config):
    assert memory_estimate(config) > trace_bytes(config)


@given(sizes, st.sampled_from(["seq_len", "batch_size", "hidden_size", "num_layers"]))
def test_the_estimate_grows_with_every_size(config, name):
    larger = config.model_copy(update={name: getattr(config, name) + 1})
    assert memory_estimate(larger) > memory_estimate(config)


def test_two_directions_and_double_precision_cost_more():
    base = memory_estimate(RunConfig())
    assert memory_estimate(RunConfig(bidirectional=True)) > 1.4 * base
    assert memory_estimate(RunConfig(dtype="float64")) > 1.5 * base
    assert memory_estimate(RunConfig(cell="elman")) < memory_estimate(RunConfig(cell="gru")) < base


def test_a_wide_vocabulary_counts():
    hello, pydoc = (RunConfig(task="next_character", text_file=name, hidden_size=1) for name in ("hello", "pydoc"))
    assert memory_estimate(pydoc) > memory_estimate(hello) + 100 * 16 * 7 * 4 * 90


def test_ordinary_runs_pass():
    for cell in ("elman", "lstm", "gru"):
        check_memory(RunConfig(cell=cell))
        check_memory(RunConfig(cell=cell, seq_len=1000, batch_size=32, hidden_size=128))
        check_memory(RunConfig(cell=cell, seq_len=1, batch_size=1, hidden_size=1))


def test_the_limit_itself_passes_and_a_byte_less_does_not():
    estimate = memory_estimate(RunConfig())
    check_memory(RunConfig(), limit=estimate)
    with pytest.raises(ConfigError):
        check_memory(RunConfig(), limit=estimate - 1)


def test_the_largest_configuration_is_refused_in_one_sentence_without_allocating():
    tracemalloc.start()
    with pytest.raises(ConfigError) as caught:
        check_memory(LARGEST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6
    message = str(caught.value)
    assert message.startswith(
        "seq_len was 100000, batch_size 4096, hidden_size 4096 and num_layers 16, which need about "
    )
    assert message.endswith(f"; it must be at most {readable(MEMORY_LIMIT)}, so reduce one of them.")
    assert readable(memory_estimate(LARGEST)) in message


def test_no_tensor_is_built(monkeypatch: pytest.MonkeyPatch):
    task = make_task(LARGEST)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a limit must not allocate")

    for name in ("empty", "zeros", "rand", "randn", "tensor"):
        monkeypatch.setattr(f"torch.{name}", forbidden)
    monkeypatch.setattr(limits, "make_task", forbidden)
    assert memory_estimate(LARGEST, task) > 10**15


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (4 * 2**30, "4 GiB"), (int(13.74 * 2**20), "13.7 MiB")],
)
def test_sizes_are_readable(size, text):
    assert readable(size) == text


def test_an_attention_counts_every_pair_of_a_word_and_a_source_timestep():
    """Measured with seq_len 80, batch 64, LSTM of 96 units: 42, 50 and 956 MiB."""
    values = {"task": "reversal", "cell": "lstm", "seq_len": 80, "batch_size": 64, "hidden_size": 96}
    none, dot, bahdanau = (
        memory_estimate(RunConfig(network="encoder_decoder", attention=attention, **values)) / 2**20
        for attention in (None, "dot", "bahdanau")
    )
    assert none > 42
    assert dot > max(50, none)
    assert bahdanau > 956
    assert none > memory_estimate(RunConfig(**values)) / 2**20


@pytest.mark.parametrize(("attention", "measured"), [("dot", 633), ("bahdanau", 797)])
def test_the_convolutions_of_pictures_count(attention, measured):
    """Measured with batch 512, GRU of 128 units."""
    values = {"task": "captioning", "network": "one_to_many", "cell": "gru", "batch_size": 512, "hidden_size": 128}
    assert measured < memory_estimate(RunConfig(attention=attention, **values)) / 2**20 < 2 * measured


def test_a_wide_dense_head_counts():
    """Measured with seq_len 800, batch 64, GRU of 96 units, a dense layer of 800: 592 MiB."""
    values = {"task": "copying", "cell": "gru", "seq_len": 800, "batch_size": 64, "hidden_size": 96}
    assert memory_estimate(RunConfig(head="dense", dense_size=800, **values)) > 592 * 2**20
