"""Runs beside each other: their names say how they differ, their profiles are of one step, their seeds are one line."""

import math

import numpy as np
import orjson
import pytest

from analysis.figures.training_heatmap import REACHES, common_reach
from analysis.wording import significant
from experiments.config.run_config import RunConfig
from experiments.runs.about import ABOUT, About, change_about, read_about, split_tags
from experiments.runs.folder import summarise
from experiments.runs.laid_over import lay_over
from experiments.runs.learned import describe_summary, run_learned
from experiments.runs.naming import in_words, labels, numbered, telling_fields
from experiments.runs.opening import open_run
from experiments.runs.pictures import lane_looks, run_pictures
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train

SMALL = {"seq_len": 6, "hidden_size": 4, "batch_size": 3, "steps": 5, "record_every": 2, "evaluate_every": None}
CHANGES = (
    {"cell": "elman", "learning_rate": 10.0, "record_every": 1},
    {"cell": "elman", "clip_threshold": 1.0},
    {"cell": "gru", "seed": 0, "seq_len": 9},
    {"cell": "gru", "seed": 1, "seq_len": 9},
)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> list[RunReader]:
    runs = tmp_path_factory.mktemp("runs")
    configs = [RunConfig.from_values({**SMALL, **change}) for change in CHANGES]
    folders = [runs / config.identity() for config in configs]
    for config, folder in zip(configs, folders, strict=True):
        train([Recorder.start(config, folder)])
    return [open_run(folder) for folder in folders]


def test_a_label_says_the_settings_in_which_the_runs_differ_and_no_hash(readers):
    assert labels(readers[:2]) == ["Elman, rate 10, unclipped", "Elman, rate 0.001, clipped at 1"]
    assert labels(readers[2:]) == ["GRU, seed 0", "GRU, seed 1"]
    assert labels(readers[:1]) == ["Elman"]
    together = labels(readers)
    assert len(set(together)) == 4
    assert not any(reader.name in label for reader, label in zip(readers, together, strict=True))


def test_fields_that_tell_runs_apart_come_before_others_that_differ():
    settings = [{"cell": "lstm", "seed": k, "gain": g, "input_scale": g, "dtype": g, "steps": g} for k, g in
                ((0, 1), (1, 1), (0, 2))]  # fmt: skip
    fields = telling_fields(settings)
    assert {"gain", "seed"} <= set(fields)
    assert len(fields) == 3
    assert telling_fields(settings[:1]) == []


def test_runs_of_the_same_settings_are_numbered_and_a_name_of_ones_own_comes_first(readers):
    assert labels([readers[0], readers[0]]) == ["Elman (1)", "Elman (2)"]
    try:
        change_about(readers[0].folder, name="mine <b>")
        assert labels(readers[:2])[0] == "mine <b>"
    finally:
        change_about(readers[0].folder, name="")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (["A", "A", "A (2)"], ["A (1)", "A (3)", "A (2)"]),
        (["A (1)", "A", "A"], ["A (1)", "A (2)", "A (3)"]),
        (["A", "A", "A (1)", "A (1)"], ["A (2)", "A (3)", "A (1) (1)", "A (1) (2)"]),
        (["A", "B"], ["A", "B"]),
    ],
)
def test_a_number_makes_no_label_that_somebody_has_given(said, wanted):
    assert numbered(said) == wanted


def test_what_is_written_about_a_run_is_kept_and_bounded(readers):
    folder = readers[1].folder
    change_about(folder, note="a note", tags=["one", "two"], star=True)
    change_about(folder, name="named")
    assert read_about(folder) == About("named", "a note", ["one", "two"], True)
    with pytest.raises(RunError, match="name was"):
        change_about(folder, name="x" * 1000)
    with pytest.raises(RunError, match="tags was"):
        change_about(folder, tags=["x"] * 11)
    assert read_about(folder).name == "named", "a refused change loses nothing"
    for broken in (b"", b"{", b"[]", orjson.dumps({"name": 7}), b"\xff" * 10**5):
        (folder / ABOUT).write_bytes(broken)
        assert read_about(folder) == About()
    (folder / ABOUT).unlink()
    assert split_tags(" one,two  words,, one ") == ["one", "two words"]


def test_profiles_laid_over_each_other_are_the_latest_recorded_ones_at_each_step(readers):
    found = lay_over(readers, labels(readers))
    assert found.step.tolist() == [1, 2, 3, 4, 5]
    assert found.log_norm.shape == (5, 4, 9)
    for frame, step in enumerate(found.step.tolist()):
        for k, reader in enumerate(readers):
            rows = reader.tensor("step")[:]
            latest = int(np.flatnonzero(rows <= step)[-1])
            truth = reader.tensor("log_norm_quantile")[latest, -1, :, 1][::-1]
            np.testing.assert_allclose(found.log_norm[frame, k, : len(truth)], truth, rtol=1e-6)
            assert np.isnan(found.log_norm[frame, k, len(truth) :]).all()
    picture = found.picture(4)
    np.testing.assert_allclose(np.array(picture.figure.data[2].y), found.frames[4, 2], rtol=1e-6)
    assert found.frames.shape[1] == len(picture.figure.data), "no edge marks, since all is finite"


def test_profiles_of_steps_with_shorter_sequences_begin_at_the_loss(tmp_path):
    config = RunConfig.from_values({**SMALL, "cell": "elman", "record_every": 1, "seq_len_min": 2,
                                    "seq_len_schedule": "ranged", "task": "parity"})  # fmt: skip
    train([Recorder.start(config, tmp_path / config.identity())])
    run = open_run(tmp_path / config.identity())
    lengths = run.tensor("length")[:]
    assert lengths.min() < 6
    for profile, T in zip(lay_over([run], ["a"]).log_norm[:, 0], lengths.tolist(), strict=True):
        assert np.isnan(profile).tolist() == [lag >= T for lag in range(len(profile))]


def test_runs_that_differ_only_in_their_seed_are_one_line_with_a_band(readers):
    loss = run_pictures(readers, joins_seeds=True)["loss"]
    joined = next(trace for trace in loss.figure.data if trace.name.endswith(", 2 seeds"))
    members = np.stack([reader.scalars()["loss"] for reader in readers[2:]])
    np.testing.assert_allclose(np.array(joined.y), np.median(members, axis=0), rtol=1e-6)
    assert f"2 seeds {significant(float(np.median(members[:, -1])))} at step 5" in loss.alt
    apart = run_pictures(readers)["loss"]
    assert not any(trace.name.endswith("seeds") for trace in apart.figure.data)


def test_runs_look_the_same_in_whatever_order_they_are_chosen(readers):
    looks = {look[0]: look for look in lane_looks(readers, labels(readers))}
    assert {look[0]: look for look in lane_looks(readers[::-1], labels(readers[::-1]))} == looks
    assert len({colour for _, colour, _ in looks.values()}) == len(readers)


def test_only_a_cell_with_a_gate_that_keeps_has_a_forget_gate_bias_in_its_label(tmp_path):
    for cell, bias in (("elman", None), ("lstm", 2.0)):
        config = RunConfig.from_values({**SMALL, "cell": cell, "forget_bias": bias, "evaluate_every": 4})
        train([Recorder.start(config, tmp_path / cell)])
    runs = [open_run(tmp_path / cell) for cell in ("elman", "lstm")]
    assert labels(runs) == ["Elman", "LSTM, forget-gate bias 2"]
    for line in run_pictures(runs)["accuracy"].figure.data:
        assert len(line.x) == 2, "at step 4 and at the end"
        assert line.mode == "lines+markers", "two evaluations are seen"
        assert 0 <= line.y[0] <= 100
        assert "%" in line.hovertemplate


def test_maps_that_are_compared_have_one_scale_that_does_not_move_with_every_step():
    falling = [np.linspace(0, -depth * math.log(10), 20) for depth in (4.0, 5.5)]
    early, late = (common_reach([profile[None, ::-1]]) for profile in falling)
    assert early == late == 6
    assert common_reach([falling[0][None, ::-1], 3 * falling[1][None, ::-1]]) in REACHES


def test_a_trained_run_has_its_verdict(readers):
    assert run_learned(readers[1]).outcome == "begun", "five steps say nothing yet"
    assert run_learned(readers[0]).words


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        ("learning", {"task": "adding", "learning_rate": 0.1}),
        ("at_chance", {"learning_rate": 1e-9}),
        ("worse", {"learning_rate": 30.0}),
        ("diverged", {"learning_rate": 1e30, "clip_threshold": None}),
    ],
)
def test_the_table_and_the_line_say_the_same_of_a_run(tmp_path, outcome, changes):
    given = {**SMALL, "task": "latch", "cell": "gru", "steps": 30, "evaluate_every": 15, "clip_threshold": 1.0}
    folder = tmp_path / "run"
    train([Recorder.start(RunConfig.from_values({**given, **changes}), folder)])
    line = run_learned(open_run(folder))
    assert line.outcome == outcome
    assert describe_summary(summarise(folder))
    assert line.words.startswith(describe_summary(summarise(folder)))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("forget_bias", None, "default forget-gate bias"),
        ("forget_bias", 3.0, "forget-gate bias 3"),
        ("truncate", None, "not truncated"),
        ("truncate", 10, "truncated after 10"),
        ("clip_threshold", None, "unclipped"),
        ("spectral_radius", None, "default spectral radius"),
        ("optimiser", "rmsprop", "RMSprop"),
        ("evaluate_every", None, "not evaluated"),
    ],
)
def test_a_setting_without_a_value_is_said_in_words(field, value, words):
    assert in_words(field, value) == words
