"""A configuration is read from words and files, validated, frozen and named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from experiments.config.of_cells import configs_from_words
from experiments.config.run_config import RunConfig, parse_words
from experiments.tasks import TASKS
from models.cells.registry import CELLS

FIELDS = RunConfig.model_fields


def optional(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


def real(low: float, high: float) -> st.SearchStrategy:
    return st.floats(low, high, allow_subnormal=False)


def listed(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


VALUES: dict[str, st.SearchStrategy] = {
    "task": st.sampled_from([*TASKS]),
    "reverse_source": st.booleans(),
    "delay": optional(st.integers(1, 50_000)),
    "text_file": st.sampled_from(["hello", "pydoc", "a text.txt", "tale=1.txt"]),
    "data_file": st.none() | st.sampled_from(["a series.npy", "texts=1.csv"]),
    "data_column": st.none() | st.sampled_from(["price", "a b", "2"]),
    "evaluate_at": st.none() | st.lists(st.integers(1, 100_000), min_size=1, max_size=8, unique=True).map(listed),
    "seq_len": st.integers(1, 100_000),
    "seq_len_schedule": st.sampled_from(["fixed", "ranged", "curriculum", "mixed"]),
    "seq_len_min": st.integers(1, 100_000),
    "batch_size": st.integers(1, 4096),
    "loss_position": optional(st.sampled_from(["last", "every"])),
    "cell": st.sampled_from(["elman", "lstm", "gru"]),
    "nonlinearity": st.sampled_from(["tanh", "relu", "identity"]),
    "reset_after": st.booleans(),
    "hidden_size": st.integers(1, 4096),
    "num_layers": st.integers(1, 16),
    "bidirectional": st.booleans(),
    "initialisation": st.sampled_from(["default", "orthogonal", "identity", "gaussian", "chrono", "irnn"]),
    "spectrum_shape": st.sampled_from(["kept", "equal", "gaussian", "linear", "outlier"]),
    "gain": real(1e-6, 1e6),
    "largest_singular_value": optional(real(0, 100)),
    "spectral_radius": optional(real(0, 100)),
    "biases": optional(real(-20, 20)),
    "input_bias": optional(real(-20, 20)),
    "penalty_weight": real(0, 1e6),
    "floss_steps": st.integers(0, 10**6),
    "floss_exponents": st.integers(1, 4096),
    "device": st.sampled_from(["cpu", "cuda", "cuda:1"]),
    "singular_values": optional(st.sampled_from(["1.5,0.9,0.0", "2.0"])),
    "spectrum_blocks": optional(st.sampled_from(["f", "i,g,z"])),
    "forget_bias": optional(real(-20, 20)),
    "input_scale": real(0, 1e6),
    "truncate": optional(st.integers(1, 10**6)),
    "network": st.sampled_from(["sequence", "encoder_decoder"]),
    "head": st.sampled_from(["linear", "dense", "attention", "mean"]),
    "dense_size": optional(st.integers(1, 4096)),
    "start": st.sampled_from(["zero", "learned"]),
    "attention": optional(st.sampled_from(["dot", "bahdanau"])),
    "features": st.sampled_from(["start", "first_input"]),
    "truncate_kind": st.sampled_from(["blocks", "window"]),
    "clip_threshold": optional(real(1e-9, 1e9)),
    "clip_rule": st.sampled_from(["norm", "value", "per_parameter", "squared_norm", "per_step"]),
    "optimiser": st.sampled_from(["sgd", "momentum", "adam", "rmsprop"]),
    "learning_rate": real(1e-9, 1e3),
    "steps": st.integers(1, 10**6),
    "record_every": st.integers(1, 10**4),
    "record_units": optional(st.integers(1, 100) | st.sampled_from(["0,3,17", "5,"])),
    "record_samples": optional(st.integers(1, 100) | st.sampled_from(["0,3,17", "5,"])),
    "evaluate_every": optional(st.integers(1, 10**4)),
    "evaluate_size": st.integers(1, 100_000),
    "stop_on_success": st.booleans(),
    "on_nonfinite": st.sampled_from(["stop", "skip", "continue"]),
    "seed": st.integers(0, 2**63 - 1),
    "dtype": st.sampled_from(["float32", "float64"]),
}


valid = st.fixed_dictionaries({}, optional=VALUES)


def as_word(name: str, value: object) -> str:
    return f"{name}={str(value).lower() if isinstance(value, bool) or value is None else value}"


# words and files


@given(valid)
def test_words_give_the_values_that_they_spell(values):
    words = [as_word(name, value) for name, value in values.items()]
    assert RunConfig.from_words(words) == RunConfig(**values)


def test_later_words_win_over_earlier_ones_and_files(tmp_path: Path):
    file = tmp_path / "slow=1.toml"
    file.write_text('cell = "gru"\nseq_len = 7\nclip_threshold = 1\n')
    config = RunConfig.from_words(["seq_len=3", str(file), "cell=elman", "clip_threshold=none", "cell=lstm"])
    assert (config.seq_len, config.cell, config.clip_threshold) == (7, "lstm", None)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("a=1e-3", 1e-3),
        ("a=1_000", 1000),
        ("a=true", True),
        ("a=True", "True"),
        ("a='7'", "7"),
        ("a=lstm", "lstm"),
        ("a=elman,lstm", "elman,lstm"),
        ('a=["elman", "lstm"]', ["elman", "lstm"]),
        ("a=none", None),
        ("a=null", None),
        ("a=", ""),
        ("a=b=c", "b=c"),
        ("a=/tmp/notes.toml", "/tmp/notes.toml"),
        ("a=1\nb = 2", "1\nb = 2"),
        (" a = 3 ", 3),
    ],
)
def test_a_value_is_toml_or_bare_text(word, value):
    parsed = parse_words([word])
    assert parsed == {"a": value}
    assert type(parsed["a"]) is type(value)


def test_a_file_clears_a_field_with_the_word_none(tmp_path: Path):
    (tmp_path / "c.toml").write_text('truncate = "none"\n')
    assert RunConfig.from_words(["truncate=5", str(tmp_path / "c.toml")]).truncate is None


# several cells


def test_a_list_of_cells_gives_one_configuration_each():
    configs = configs_from_words(["cell=gru, elman", "seq_len=9"])
    assert configs == [RunConfig(cell="gru", seq_len=9), RunConfig(cell="elman", seq_len=9)]
    assert configs_from_words(["cell=lstm"]) == configs_from_words([]) == [RunConfig()]


def test_a_file_may_list_the_cells(tmp_path: Path):
    (tmp_path / "c.toml").write_text('cell = ["elman", "lstm"]\n')
    assert [config.cell for config in configs_from_words([str(tmp_path / "c.toml")])] == ["elman", "lstm"]


# the model


def test_a_configuration_is_frozen_and_hashable():
    config = RunConfig()
    with pytest.raises(ValidationError):
        config.seed = 1
    assert {config: 1}[RunConfig()] == 1


def test_every_field_says_what_it_is_in_a_line_of_short_sentences():
    for name, field in FIELDS.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert "\n" not in field.description, name
    assert set(FIELDS) == set(VALUES)


def test_the_allowed_cells_are_the_registered_ones():
    schema = RunConfig.model_json_schema()
    assert schema["properties"]["cell"]["enum"] == list(CELLS)


# identity


def test_the_identity_of_a_configuration_does_not_change_between_versions():
    """If this fails on purpose, raise FORMAT_VERSION: stored runs are found by this name."""
    assert RunConfig().identity() == "2addc7ee2764"
    assert RunConfig(record_units=8).identity() == "1d826f88cb31", "the default when the first runs were stored"
    assert RunConfig(cell="gru", seq_len=9, clip_threshold=0.5, record_units=8).identity() == "c53bac7ad3aa"


def test_only_the_runs_of_a_task_that_changed_have_other_names():
    for version in (2, 3):
        assert RunConfig(task="parity").identity(version) == "04efeccf61d4"
    assert RunConfig(task="delayed_xor").identity(2) == "4f52bab3937b", "while its blanks had a loss and an output"
    assert RunConfig(task="delayed_xor").identity() == "fb00b925cef5"


@given(valid)
def test_the_identity_does_not_depend_on_the_order_of_fields(values):
    backwards = dict(reversed(values.items()))
    assert RunConfig(**values).identity() == RunConfig(**backwards).identity()
    assert (
        RunConfig.model_validate_json(RunConfig(**values).model_dump_json()).identity()
        == RunConfig(**values).identity()
    )


@given(st.sampled_from(list(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])))
def test_every_field_is_part_of_the_identity(change):
    name, value = change
    default = RunConfig()
    assert (RunConfig(**{name: value}).identity() == default.identity()) == (value == getattr(default, name))


def test_equal_numbers_have_one_identity():
    assert RunConfig(learning_rate=1).identity() == RunConfig(learning_rate=1.0).identity()
    assert RunConfig(forget_bias=-0.0).identity() == RunConfig(forget_bias=0.0).identity()


def test_the_cpu_has_one_spelling():
    assert RunConfig(device="cpu:3") == RunConfig()
    assert RunConfig(device="cuda:1").device == "cuda:1"
