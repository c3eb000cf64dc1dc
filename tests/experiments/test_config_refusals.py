"""What is wrong with a configuration is one sentence: the field, what was given, what is allowed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_sentence import assert_one_sentence

from experiments.config.of_cells import configs_from_words
from experiments.config.run_config import ConfigError, RunConfig, parse_words
from experiments.tasks import TASKS

ANY_CELL = "elman, lstm, gru, indrnn, lstm_1997, peephole_lstm, mut1, mut2, mut3 or mingru"

FIELDS = RunConfig.model_fields


def refusal_of(call: Callable[[], object]) -> str | None:
    """The message of the ConfigError that the call raises, None if it raises nothing."""
    try:
        call()
    except ConfigError as error:
        return str(error)
    return None


@given(st.text())
def test_any_word_parses_or_is_refused_in_one_sentence(word):
    message = refusal_of(lambda: parse_words([word]))
    assert message is None or message.endswith(".")


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
        ("num_layers=true", "num_layers was true; it must be a whole number from 1 to 16."),
        ("seed=-1", "seed was -1; it must be a whole number from 0 to 9223372036854775807."),
        ("seed=9223372036854775808", "seed was 9223372036854775808; it must be a whole number from 0 to"),
        ("steps=2020-01-31", "steps was 2020-01-31; it must be a whole number from 1 to 10000000."),
        ("steps=[true,1]", "steps was [true, 1]; it must be a whole number from 1 to 10000000."),
        ("steps=none", "steps was none; it must be a whole number from 1 to 10000000."),
        ("truncate=0", "truncate was 0; it must be a whole number from 1 to 9223372036854775807 or none."),
        ("truncate=9223372036854775808", "truncate was 9223372036854775808; it must be a whole number from 1 to"),
        ("bidirectional=1", "bidirectional was 1; it must be true or false."),
        ("bidirectional=yes", "bidirectional was 'yes'; it must be true or false."),
        ("gain=0", "gain was 0; it must be a finite number greater than 0."),
        ("gain=inf", "gain was inf; it must be a finite number greater than 0."),
        ("learning_rate=nan", "learning_rate was nan; it must be a finite number greater than 0 and at most 1e+30."),
        (
            "learning_rate=false",
            "learning_rate was false; it must be a finite number greater than 0 and at most 1e+30.",
        ),
        (
            "learning_rate=1e308",
            "learning_rate was 1e+308; it must be a finite number greater than 0 and at most 1e+30.",
        ),
        (
            "clip_threshold=1e31",
            "clip_threshold was 1e+31; it must be a finite number greater than 0 and at most 1e+30 o",
        ),
        ("forget_bias=-21", "forget_bias was -21; it must be a finite number from -20 to 20 or none."),
        ("largest_singular_value=-1", "largest_singular_value was -1; it must be a finite number from 0 to 100 or"),
        (
            "clip_threshold=0.0",
            "clip_threshold was 0.0; it must be a finite number greater than 0 and at most 1e+30 or",
        ),
        ("clip_rule=l2", "clip_rule was 'l2'; it must be norm, value, per_parameter, squared_norm or per_step."),
        ("loss_position=first", "loss_position was 'first'; it must be last, every or none."),
        (
            "task=sorting",
            f"task was 'sorting'; it must be {', '.join([*TASKS][:-1])} or {[*TASKS][-1]}.",
        ),
        (
            "cell=LSTM",
            f"cell was 'LSTM'; it must be {ANY_CELL}.",
        ),
        (
            "cell=elman,tcn",
            f"cell was 'tcn'; it must be {ANY_CELL}.",
        ),
        (
            "cell=elman,",
            f"cell was ''; it must be {ANY_CELL}.",
        ),
        (
            "cell=[]",
            f"cell was []; it must be {ANY_CELL}.",
        ),
        ("cell=gru,lstm,gru", "cell was 'gru,lstm,gru'; each cell may be given once."),
        ("nonlinearity=swish", "nonlinearity was 'swish'; it must be tanh, relu, identity or sigmoid."),
        ("text_file=", "text_file was ''; it must be hello, pydoc or the path of a text file."),
        ("text_file=7", "text_file was 7; it must be hello, pydoc or the path of a text file."),
        (
            "record_units=-1",
            "record_units was -1; it must be a whole number from 1 to 9223372036854775807, indices such",
        ),
        ("record_units=0", "record_units was 0; it must be a whole number from 1 to 9223372036854775807, indices"),
        ("record_units=18446744073709551616", "record_units was 18446744073709551616; it must be a whole number"),
        ("record_samples=0", "record_samples was 0; it must be a whole number from 1 to 9223372036854775807, indices"),
        (
            "record_samples=all",
            "record_samples was 'all'; it must be a whole number from 1 to 9223372036854775807, indices",
        ),
        ("evaluate_every=9223372036854775808", "evaluate_every was 9223372036854775808; it must be a whole number"),
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
        ("lr=3", "'lr' is not a field; the closest is learning_rate, and the fields are task,"),
        ("hiden_size=3", "'hiden_size' is not a field; the closest is hidden_size, and the fields are task,"),
        ("clip=none", "'clip' is not a field; did you mean clip_threshold or clip_rule? The fields are task,"),
        ("gai=3", "'gai' is not a field; the closest is gain, and the fields are task,"),
        ("xyzzy=3", "'xyzzy' is not a field; the fields are task, text_file, data_file, data_column, seq_len,"),
        ("probe", "the word was 'probe'; it must be key=value or the path of a .toml file, and no run is "),
        ("=3", "the word was '=3'; it must be key=value or the path of a .toml file, and no run is "),
        ("no-such.toml", "the file 'no-such.toml' cannot be read (no such file or directory); it must be a TOML"),
    ],
)
def test_bad_input_is_one_sentence_with_the_field_the_value_and_what_is_allowed(word, message):
    with pytest.raises(ConfigError) as caught:
        configs_from_words(["steps=5", word])
    assert str(caught.value).startswith(message)
    assert_one_sentence(str(caught.value))


SPELLED = ("singular_values", "evaluate_at", "data_column")
"""Fields that take numbers, and keep them as text in one spelling."""


@given(
    st.sampled_from([name for name in FIELDS if name not in SPELLED]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.binary(),
)
def test_any_value_is_taken_or_refused_by_its_fields_name(name, value):
    message = refusal_of(lambda: RunConfig.from_values({name: value}))
    if message is None:
        assert getattr(RunConfig.from_values({name: value}), name) == value
        assert isinstance(value, bool) == (FIELDS[name].annotation is bool)
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
        (b"seq_len = 5\ncell = lstm\n", "is not valid TOML: Invalid value (at line 2, column 8); correct it."),
        (
            b"seq_len = 5\nseq_len = 6\n",
            "is not valid TOML: Cannot overwrite a value (at line 2, column 12); correct",
        ),
        (b'cell = "\xff"', "is not UTF-8 at byte 8; TOML must be."),
        (b"x = " + b"[" * 100_000, "is not valid TOML: "),
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
