"""A configuration is validated, frozen and named; what is wrong with it is one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from experiments.config import ConfigError, RunConfig, configs_from_words, parse_words
from models.registry import CELLS

FIELDS = RunConfig.model_fields


def optional(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


def real(low: float, high: float) -> st.SearchStrategy:
    return st.floats(low, high, allow_subnormal=False)


VALUES: dict[str, st.SearchStrategy] = {
    "task": st.sampled_from(["adding", "temporal_order", "copying", "next_character"]),
    "text_file": st.sampled_from(["hello", "pydoc", "a text.txt", "tale=1.txt"]),
    "seq_len": st.integers(1, 100_000),
    "seq_len_schedule": st.sampled_from(["fixed", "ranged", "curriculum"]),
    "seq_len_min": st.integers(1, 100_000),
    "batch_size": st.integers(1, 4096),
    "loss_position": optional(st.sampled_from(["last", "every"])),
    "cell": st.sampled_from(["elman", "lstm", "gru"]),
    "nonlinearity": st.sampled_from(["tanh", "relu", "identity"]),
    "reset_after": st.booleans(),
    "hidden_size": st.integers(1, 4096),
    "num_layers": st.integers(1, 16),
    "bidirectional": st.booleans(),
    "initialisation": st.sampled_from(["default", "orthogonal", "identity", "gaussian", "chrono"]),
    "spectrum_shape": st.sampled_from(["kept", "equal", "gaussian", "linear", "outlier"]),
    "gain": real(1e-6, 1e6),
    "largest_singular_value": optional(real(0, 100)),
    "singular_values": optional(st.sampled_from(["1.5,0.9,0.0", "2.0"])),
    "spectrum_blocks": optional(st.sampled_from(["f", "i,g,z"])),
    "forget_bias": optional(real(-20, 20)),
    "input_scale": real(0, 1e6),
    "truncate": optional(st.integers(1, 10**6)),
    "clip_threshold": optional(real(1e-9, 1e9)),
    "clip_rule": st.sampled_from(["norm", "value", "per_parameter", "squared_norm"]),
    "optimiser": st.sampled_from(["sgd", "momentum", "adam", "rmsprop"]),
    "learning_rate": real(1e-9, 1e3),
    "steps": st.integers(1, 10**6),
    "record_every": st.integers(1, 10**4),
    "record_units": optional(st.integers(0, 100) | st.sampled_from(["0,3,17", "5,"])),
    "record_samples": optional(st.integers(0, 100) | st.sampled_from(["0,3,17", "5,"])),
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


def refusal_of(call: Callable[[], object]) -> str | None:
    """The message of the ConfigError that the call raises, None if it raises nothing."""
    try:
        call()
    except ConfigError as error:
        return str(error)
    return None


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


@given(st.text())
def test_any_word_parses_or_is_refused_in_one_sentence(word):
    message = refusal_of(lambda: parse_words([word]))
    assert message is None or message.endswith(".")


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


# refusals


def assert_one_sentence(message: str) -> None:
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("hidden_size=abc", "hidden_size was 'abc'; it must be a whole number from 1 to 4096."),
        ("hidden_size=3.5", "hidden_size was 3.5; it must be a whole number from 1 to 4096."),
        ("hidden_size=64.0", "hidden_size was 64.0; it must be a whole number from 1 to 4096."),
        ("hidden_size='8'", "hidden_size was '8'; it must be a whole number from 1 to 4096."),
        ("seq_len=0", "seq_len was 0; it must be a whole number from 1 to 100000."),
        ("seq_len=", "seq_len was ''; it must be a whole number from 1 to 100000."),
        ("batch_size=4097", "batch_size was 4097; it must be a whole number from 1 to 4096."),
        ("num_layers=true", "num_layers was True; it must be a whole number from 1 to 16."),
        ("seed=-1", "seed was -1; it must be a whole number from 0 to 9223372036854775807."),
        ("seed=9223372036854775808", "seed was 9223372036854775808; it must be a whole number from 0 to"),
        ("steps=none", "steps was None; it must be a whole number from 1 to 10000000."),
        ("truncate=0", "truncate was 0; it must be a whole number of at least 1 or none."),
        ("bidirectional=1", "bidirectional was 1; it must be true or false."),
        ("bidirectional=yes", "bidirectional was 'yes'; it must be true or false."),
        ("gain=0", "gain was 0; it must be a finite number greater than 0."),
        ("gain=inf", "gain was inf; it must be a finite number greater than 0."),
        ("learning_rate=nan", "learning_rate was nan; it must be a finite number greater than 0."),
        ("learning_rate=false", "learning_rate was False; it must be a finite number greater than 0."),
        ("forget_bias=-21", "forget_bias was -21; it must be a finite number from -20 to 20 or none."),
        ("largest_singular_value=-1", "largest_singular_value was -1; it must be a finite number from 0 to 100 or"),
        ("clip_threshold=0.0", "clip_threshold was 0.0; it must be a finite number greater than 0 or none."),
        ("clip_rule=l2", "clip_rule was 'l2'; it must be norm, value, per_parameter or squared_norm."),
        ("loss_position=first", "loss_position was 'first'; it must be last, every or none."),
        ("task=sorting", "task was 'sorting'; it must be adding, temporal_order, copying or next_character."),
        ("cell=LSTM", "cell was 'LSTM'; it must be elman, lstm or gru."),
        ("cell=elman,tcn", "cell was 'tcn'; it must be elman, lstm or gru."),
        ("cell=elman,", "cell was ''; it must be elman, lstm or gru."),
        ("cell=[]", "cell was []; it must be elman, lstm or gru."),
        ("cell=gru,lstm,gru", "cell was 'gru,lstm,gru'; each cell may be given once."),
        ("nonlinearity=sigmoid", "nonlinearity was 'sigmoid'; it must be tanh, relu or identity."),
        ("text_file=", "text_file was ''; it must be hello, pydoc or the path of a text file."),
        ("text_file=7", "text_file was 7; it must be hello, pydoc or the path of a text file."),
        ("record_units=-1", "record_units was -1; it must be a whole number, indices such as 0,3,17 or none."),
        ("record_samples=all", "record_samples was 'all'; it must be a whole number, indices such as 0,3,17 or none."),
        (
            "singular_values=1,-2",
            "singular_values was '1,-2'; it must be numbers from 0 to 100 such as 1.2,0.9,0 or none.",
        ),
        (
            "spectrum_blocks=f,q",
            "spectrum_blocks was 'f,q'; it must be gates among i, f, g, o, r, z, n such as f or i,g or none.",
        ),
        ("on_nonfinite=ignore", "on_nonfinite was 'ignore'; it must be stop, skip or continue."),
        ("dtype=float16", "dtype was 'float16'; it must be float32 or float64."),
        ("hiden_size=3", "'hiden_size' is not a field; the closest is hidden_size, and the fields are task,"),
        ("xyzzy=3", "'xyzzy' is not a field; the fields are task, text_file, seq_len,"),
        ("probe", "the word was 'probe'; it must be key=value or the path of a .toml file."),
        ("=3", "the word was '=3'; it must be key=value or the path of a .toml file."),
        ("no-such.toml", "the file 'no-such.toml' cannot be read (no such file or directory); it must be a TOML"),
    ],
)
def test_bad_input_is_one_sentence_with_the_field_the_value_and_what_is_allowed(word, message):
    with pytest.raises(ConfigError) as caught:
        configs_from_words(["steps=5", word])
    assert str(caught.value).startswith(message)
    assert_one_sentence(str(caught.value))


@given(
    st.sampled_from([name for name in FIELDS if name != "singular_values"]),  # which is kept in one spelling
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.binary(),
)
def test_any_value_is_taken_or_refused_by_its_fields_name(name, value):
    message = refusal_of(lambda: RunConfig.from_values({name: value}))
    if message is None:
        assert getattr(RunConfig.from_values({name: value}), name) == value
        assert isinstance(value, bool) == (name in ("reset_after", "bidirectional", "stop_on_success"))
    else:
        assert message.startswith(f"{name} was ")
        assert "; it must be " in message
        assert "\n" not in message


def test_a_long_value_is_shortened():
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_words(["seed=" + "9" * 5000])
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"seq_len = 5\ncell = lstm\n", "must be TOML and is not: Invalid value (at line 2, column 8)."),
        (b"seq_len = 5\nseq_len = 6\n", "must be TOML and is not: Cannot overwrite a value (at line 2, column 12)."),
        (b'cell = "\xff"', "is not UTF-8 at byte 8; TOML must be."),
        (b"x = " + b"[" * 100_000, "must be TOML and is not: "),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_path_and_line(tmp_path: Path, content: bytes, reason: str):
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_words([str(file)])
    assert str(caught.value).startswith(f"the file {str(file)!r} {reason}")
    assert_one_sentence(str(caught.value))


def test_a_directory_is_not_a_file_of_values(tmp_path: Path):
    (tmp_path / "d.toml").mkdir()
    with pytest.raises(ConfigError, match=r"cannot be read \(is a directory\); it must be a TOML file\.$"):
        RunConfig.from_words([str(tmp_path / "d.toml")])


def test_a_table_in_a_file_is_refused_by_its_name(tmp_path: Path):
    (tmp_path / "t.toml").write_text("[seed]\nx = 1\n")
    with pytest.raises(ConfigError, match=r"^seed was \{'x': 1\}; it must be a whole number"):
        RunConfig.from_words([str(tmp_path / "t.toml")])


# the model


def test_a_configuration_is_frozen_and_hashable():
    config = RunConfig()
    with pytest.raises(ValidationError):
        config.seed = 1
    assert {config: 1}[RunConfig()] == 1


def test_every_field_says_what_it_is_in_one_sentence():
    for name, field in FIELDS.items():
        assert field.description, name
        assert_one_sentence(field.description)
    assert set(FIELDS) == set(VALUES)


def test_the_allowed_cells_are_the_registered_ones():
    schema = RunConfig.model_json_schema()
    assert schema["properties"]["cell"]["enum"] == list(CELLS)


# identity


def test_the_identity_of_a_configuration_does_not_change_between_versions():
    """If this fails on purpose, raise FORMAT_VERSION: stored runs are found by this name."""
    assert RunConfig().identity() == "85a43e45a878"
    assert RunConfig(cell="gru", seq_len=9, clip_threshold=0.5).identity() == "3852220ea47f"


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
