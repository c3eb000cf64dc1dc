"""From a TOML file to runs: axes, conditions, seeds, and one sentence for what is wrong."""

import itertools
import math
from pathlib import Path

import pytest

from experiments.config.run_config import ConfigError, RunConfig
from experiments.runs.store.errors import RunError
from experiments.sweeps.folder import SweepFolder, stored_plan, write_plan
from experiments.sweeps.plan import plan_of, read_plan

ROOT = Path(__file__).resolve().parents[2]


def values(source: str, field: str) -> list[object]:
    """The field's value in each run, in order."""
    plan = plan_of(source, "test")
    return [run.values.get(field) for run in plan.runs]


def refusal(source: str) -> str:
    with pytest.raises(ConfigError) as error:
        plan_of(source, "test")
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("[1, 2, 5]", [1, 2, 5]),
        ("{ from = 10, to = 50, step = 20 }", [10, 30, 50]),
        ("{ from = 10, to = 20, count = 3 }", [10, 15, 20]),
        ("{ from = 1, to = 1000, count = 4, scale = 'log' }", [1, 10, 100, 1000]),
        ("{ values = [3, 3, 4] }", [3, 4]),
    ],
)
def test_an_axis_is_a_list_a_range_or_a_logarithmic_range(axis, expected):
    assert values(f"[axes]\nseq_len = {axis}", "seq_len") == expected


def test_a_range_of_numbers_has_the_numbers_that_people_write():
    assert values("[axes]\ngain = { from = 0.1, to = 0.5, step = 0.1 }", "gain") == [0.1, 0.2, 0.3, 0.4, 0.5]
    ratios = values("[axes]\nlearning_rate = { from = 1e-4, to = 1, count = 9, scale = 'log' }", "learning_rate")
    assert ratios[0] == 1e-4
    assert ratios[-1] == 1.0
    assert all(math.isclose(b / a, 10**0.5, rel_tol=1e-5) for a, b in itertools.pairwise(ratios))


def test_a_grid_has_every_combination_with_every_seed():
    plan = plan_of("seeds = [4, 7]\n[axes]\ncell = ['gru', 'lstm']\nseq_len = [5, 6, 7]", "test")
    assert len(plan.runs) == 2 * 3 * 2
    assert plan.axes == ("cell", "seq_len", "seed")
    assert [tuple(run.values.values()) for run in plan.runs[:3]] == [("gru", 5, 4), ("gru", 5, 7), ("gru", 6, 4)]


def test_a_condition_limits_an_axis_to_some_runs():
    plan = plan_of(
        "[axes]\nforget_bias = { values = [0.0, 1.0, 2.0], when = { cell = 'lstm' } }\ncell = ['elman', 'lstm', 'gru']",
        "test",
    )
    assert [(r.values["cell"], r.values.get("forget_bias")) for r in plan.runs] == [
        ("elman", None), ("lstm", 0.0), ("lstm", 1.0), ("lstm", 2.0), ("gru", None),
    ]  # fmt: skip
    assert plan.config(plan.runs[0]).forget_bias is None


def test_zip_goes_through_the_axes_side_by_side():
    plan = plan_of("combine = 'zip'\nseeds = 2\n[axes]\nseq_len = [5, 6]\nhidden_size = [10, 20]", "test")
    assert [tuple(run.values.values()) for run in plan.runs] == [(5, 10, 0), (5, 10, 1), (6, 20, 0), (6, 20, 1)]


RANDOM = """
combine = "random"
samples = {samples}
random_seed = 3
[axes]
cell = ["lstm", "gru"]
learning_rate = {{ from = 1e-4, to = 1.0, scale = "log" }}
hidden_size = {{ from = 8, to = 64 }}
forget_bias = {{ from = 0.0, to = 2.0, when = {{ cell = "lstm" }} }}
"""


def test_random_samples_stay_what_they_are_when_more_are_asked_for():
    few, many = (plan_of(RANDOM.format(samples=n), "test") for n in (20, 60))
    assert many.runs[:20] == few.runs
    assert plan_of(RANDOM.format(samples=20), "test").runs == few.runs
    rates = [math.log10(float(str(run.values["learning_rate"]))) for run in many.runs]
    assert min(rates) < -3
    assert max(rates) > -1
    assert {type(run.values["hidden_size"]) for run in many.runs} == {int}
    assert all(("forget_bias" in run.values) == (run.values["cell"] == "lstm") for run in many.runs)


def test_identical_configurations_are_one_run_and_have_the_identity_of_a_run():
    plan = plan_of("[fixed]\nsteps = 5\n[axes]\ninput_scale = [1, 1.0, 2]\nclip_threshold = [1.0, 'none']", "test")
    assert len(plan.runs) == 4
    wanted = RunConfig(steps=5, input_scale=2.0, clip_threshold=None)
    assert wanted.identity() in {run.name for run in plan.runs}
    again = plan_of("[axes]\ncell = ['lstm', 'gru']\nnonlinearity = { values = ['tanh'], when = {cell = 'lstm'} }", "a")
    assert len(again.runs) == 2
    twice = plan_of("combine = 'zip'\n[axes]\nseq_len = [5, 6, 5]\ngain = [1.0, 1.0, 1.0]", "test")
    assert (len(twice.runs), twice.repeated) == (2, 1)


def test_adding_a_value_changes_no_other_run():
    few = plan_of("seeds = 2\n[axes]\nseq_len = [5, 6]\ncell = ['gru', 'lstm']", "test")
    more = plan_of("seeds = 2\n[axes]\nseq_len = [5, 6, 7]\ncell = ['gru', 'lstm']", "test")
    assert {run.name for run in few.runs} < {run.name for run in more.runs}
    assert len(more.runs) == 12


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("[axes]\nseq_len = 5", ["axes.seq_len was 5", "must be a list"]),
        ("[axes]\nseqlen = [5]", ["'seqlen' is not a field", "seq_len"]),
        ("[fixed]\nseqlen = 5", ["'seqlen' is not a field"]),
        ("cell = 'lstm'", ["'cell' is not a key", "[fixed] or [axes]"]),
        ("kinds = 'run'", ["'kinds'", "the closest is kind"]),
        ("kind = 'both'", ["kind was 'both'", "probe or run"]),
        ("combine = 'all'", ["combine was 'all'", "grid, zip or random"]),
        ("[axes]\nseq_len = [5, 0]", ["seq_len was 0", "from 1 to 100000"]),
        ("[axes]\ncell = ['lstm', 'transformer']", ["cell was 'transformer'", "elman"]),
        ("[axes]\ngain = { from = 1, to = 0, count = 3 }", ["from 1 to 0"]),
        ("[axes]\ngain = { from = 0, to = 1, count = 3, scale = 'log' }", ["positive"]),
        ("[axes]\ngain = { from = 1, to = 2 }", ["neither count nor step"]),
        ("[axes]\ngain = { from = 1, to = 2, count = 0 }", ["count was 0"]),
        ("[axes]\ngain = { from = 1, to = 2, step = -1.0 }", ["step was -1"]),
        ("[axes]\ngain = { from = 1, to = 2, count = 3, step = 1 }", ["count and step"]),
        ("[axes]\ngain = { from = 1, until = 2 }", ["'until'"]),
        ("[axes]\ngain = { from = 1, count = 2 }", ["axes.gain.to is missing"]),
        ("[axes]\ngain = []", ["axes.gain was []"]),
        ("kind = 'probe'", ["the sweep test defines no runs", "[axes], [fixed] or seeds"]),
        ("[axes]\ngain = [[1.0]]", ["axes.gain has the value [1.0]"]),
        ("[axes]\ngain = { values = [1.0], when = { cel = 'lstm' } }", ["'cel' is not a field"]),
        ("[axes]\ngain = { values = [1.0], when = { cell = 'lstmm' } }", ["cell was 'lstmm'"]),
        ("[fixed]\ngain = 1.0\n[axes]\ngain = [2.0]", ["gain is in both [fixed] and [axes]; remove one."]),
        ("seeds = 0", ["seeds was 0"]),
        ("seeds = 100000000", ["seeds was 100000000", "from 1 to 1000000"]),
        ("seeds = 2\n[fixed]\nseed = 1", ["seeds is given and seed"]),
        ("combine = 'zip'\n[axes]\ngain = [1.0]\nseq_len = [5, 6]", ["gain 1, seq_len 2"]),
        ("combine = 'random'\n[axes]\ngain = [1.0]", ["samples is missing", "from 1 to 1000000"]),
        ("name = '../x'", ["name was '../x'"]),
    ],
)
def test_what_is_wrong_is_one_sentence(source, words):
    message = refusal(source)
    for word in words:
        assert word in message, message


def test_a_list_in_fixed_is_named_as_what_it_is():
    assert refusal("[fixed]\ncell = ['lstm']").startswith(
        "fixed.cell has the value ['lstm']; it must be a number, text"
    )


def test_a_sweep_has_no_more_runs_than_can_be_handled():
    with pytest.raises(ConfigError, match="more than 10 runs; remove values from its axes"):
        plan_of("[axes]\nseq_len = { from = 1, to = 11, step = 1 }", "large", most=10)


def test_a_file_that_is_no_toml_is_one_sentence(tmp_path):
    file = tmp_path / "sweep.toml"
    file.write_text("[axes\n")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        read_plan(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_plan(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["decay_rate", "clipping", "forget_bias"])
def test_the_shipped_sweeps_are_plans(name):
    plan = read_plan(ROOT / "sweeps" / f"{name}.toml")
    assert plan.name == name
    assert plan.description
    assert set(plan.show.values()) - {plan.show["value"]} <= set(plan.axes)
    assert len(plan.runs) > 50


def test_a_copied_sweep_is_not_called_damaged_and_a_missing_file_is_named_itself(tmp_path):
    one = SweepFolder(tmp_path, "one")
    write_plan(one, plan_of("[axes]\nseq_len = [5, 6]", "one"))
    one.path.rename(one.path.with_name("two"))
    with pytest.raises(RunError, match=r"two' holds the sweep 'one'; give the folder that name again"):
        stored_plan(SweepFolder(tmp_path, "two"))
    one.path.with_name("two").rename(one.path)
    assert len(stored_plan(one).runs) == 2
    (one.path / "sweep.toml").unlink()
    with pytest.raises(RunError, match=r"sweep\.toml' is damaged"):
        stored_plan(one)
