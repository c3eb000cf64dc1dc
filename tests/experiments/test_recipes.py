"""Recipes: their verdicts, their files, the short version of the cheapest, and a recipe that is killed half way."""

import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commanding import call
from kill_training import read_all, same
from num2words import num2words

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.probing.recorded import recorded_probe
from experiments.recipes import measured
from experiments.recipes.drawing import drawn
from experiments.recipes.example_pictures import example_pictures
from experiments.recipes.examples import examples_of
from experiments.recipes.expectation import Expectation, decide, judge
from experiments.recipes.measurements import influence_balancing
from experiments.recipes.outcome import WRITTEN, outcome_of, sample_text
from experiments.recipes.page import html_of
from experiments.recipes.recipe import GROUPS, Recipe, find_recipe, read_recipe, recipe_files, recipe_of
from experiments.recipes.runs import plan_of_recipes
from experiments.recipes.spectra import moments, spectra_picture
from experiments.recipes.tables import markdown
from experiments.runs.opening import open_run
from experiments.runs.recorder import Recorder
from experiments.runs.train import train
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.work import Work, perform
from experiments.tasks.france import LANGUAGES
from experiments.training.training import Training

FILES = [path for group in GROUPS for path in recipe_files(group)]
NAMED = [path.stem for path in FILES]

TRAINED = {
    "title": "a small one",
    "seeds": 2,
    "fixed": {"task": "reversal", "seq_len": 3, "hidden_size": 5, "batch_size": 4, "steps": 4, "record_every": 2,
              "evaluate_every": 2, "evaluate_size": 10},
    "arms": {"gru": {"cell": "gru"}, "elman": {"cell": "elman"}},
    "expect": [{"says": "they differ", "kind": "order", "value": "gru.loss", "at_most": "elman.loss", "times": 10}],
}  # fmt: skip


def expected(kind="size", **bound):
    return Expectation("it is so", kind, "ours", "theirs", **bound)


ORDER, SIZE = expected("order", at_least="other"), expected("size", near=1.0, within=0.1)


@pytest.mark.parametrize(
    ("ours", "other", "verdict"),
    [
        ([0.95, 1.0, 5.0], [0.5], "confirmed"),  # the median counts, not the mean
        ([2.0, 2.0], [0.5], "confirmed in order, not in size"),
        ([1.0, 1.0], [1.5], "not confirmed"),  # the right size, the wrong order
        ([2.0, math.nan], [0.5], "not confirmed"),
        ([], [0.5], "not finished"),
    ],
)
def test_the_rule_of_a_verdict(ours, other, verdict):
    values = {"ours": ours, "other": other}
    assert decide([judge(ORDER, values), judge(SIZE, values)]) == verdict


def test_a_wrong_size_without_an_order_is_not_confirmed():
    assert decide([judge(SIZE, {"ours": [2.0]})]) == "not confirmed"


@pytest.mark.parametrize(
    ("bound", "below", "above"),
    [({"at_least": 2.0}, False, True), ({"at_most": 2.0}, True, False), ({"near": 1.5, "within": 0.6}, True, False)],
)
def test_each_bound(bound, below, above):
    claims = [judge(expected(**bound), {"ours": [value]}) for value in (1.0, 3.0)]
    assert [claim.holds for claim in claims] == [below, above]


def test_a_bound_that_is_another_value_may_have_a_factor():
    claim = expected(at_least="other", times=2.0)
    assert judge(claim, {"ours": [5.0], "other": [1.0, 2.0, 30.0]}).holds
    assert not judge(claim, {"ours": [3.9], "other": [1.0, 2.0, 30.0]}).holds
    assert not judge(claim, {"ours": [5.0]}).holds, "without the other value nothing holds"


@pytest.mark.parametrize("path", FILES, ids=NAMED)
def test_a_recipe_file_is_whole(path):
    for version in ("full", "thinned", "quick"):
        recipe = read_recipe(path, version)
        assert recipe.title
        assert recipe.source
        assert recipe.about
        assert all(expectation.published for expectation in recipe.expectations)
        for arm in recipe.arms:
            assert recipe.config(arm, 1).seed == 1
    if recipe.arms:
        assert all(recipe.config(arm, 0).steps <= 50 for arm in recipe.arms), "the short version takes few steps"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": 0}, "seeds was 0; it must be a whole number from 1"),
        ({"expect": []}, "at least one [[expect]]"),
        ({"expect": 3}, "expect was 3; it must be a list"),
        ({"expect": [3]}, "expect was 3; it must be [[expect]] tables"),
        ({"examples": "gru"}, "examples was 'gru'; it must be a list"),
        ({"arms": {}}, "either measure or [arms.NAME]"),
        ({"measure": "luck", "arms": {}}, "measure was 'luck'; it must be one of doya"),
        ({"examples": ["lstm"]}, "examples was 'lstm'; it must name arms: gru, elman"),
        ({"arm": {}}, "'arm' is not a key of a recipe's file; the closest is arms"),
        ({"fixed": {"task": "addin"}}, "task"),
        ({"expect": [{"says": "x", "value": "gru.los", "at_most": 1}]}, "'gru.los'; it must be ARM.QUANTITY"),
        ({"expect": [{"says": "x", "value": "gru.loss"}]}, "an [[expect]] has 0 bounds"),
        ({"expect": [{"value": "gru.loss", "at_most": 1}]}, "an [[expect]] has no says"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_sentence(change, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        recipe_of({**TRAINED, **change}, "small")


def test_an_unknown_recipe_is_refused_with_the_names():
    with pytest.raises(ConfigError, match=r"the recipe was 'nothing'; it must be papers, lectures, .*doya"):
        find_recipe("nothing")


def test_a_sweep_has_each_configuration_once_and_the_first_seeds_first():
    one, other = recipe_of(TRAINED, "one"), recipe_of({**TRAINED, "seeds": 3}, "other")
    plan = plan_of_recipes([one, other], "both")
    seeds = [plan.config(run).seed for run in plan.runs]
    assert seeds == [0, 0, 1, 1, 2, 2]
    assert {run.name for run in plan.runs} == {other.config(a, s).identity() for a in other.arms for s in range(3)}
    assert all(plan.config(run).identity() == run.name for run in plan.runs)


def test_the_list_names_every_recipe():
    out = call("recipe")
    assert all(name in out for name in NAMED)


def test_the_short_version_of_the_cheapest(tmp_path):
    page, table = tmp_path / "page.html", tmp_path / "table.md"
    out = call("recipe", "doya", "--quick", "--runs", str(tmp_path), "--page", str(page), "--markdown", str(table))
    assert "no verdict on the claim" in out
    html = page.read_text(encoding="utf-8")
    assert html.count("plotly.js v") == 1, "plotly.js is there once"
    assert "src=" not in html.split("<script")[0]
    assert "| the lower fold | b = −2.6556 (from the formula) |" in table.read_text(encoding="utf-8")


def write_small(folder: Path, steps: int) -> Path:
    fixed = "".join(f"{key} = {value!r}\n" for key, value in {**TRAINED["fixed"], "steps": steps}.items())
    path = folder / "small.toml"
    path.write_text(
        f'title = "small"\nseeds = 1\nexamples = ["gru"]\n[fixed]\n{fixed}stop_on_success = false\n'
        '[arms.gru]\ncell = "gru"\n[[expect]]\nsays = "it learns"\nkind = "order"\nvalue = "gru.loss_over_chance"\n'
        'at_most = 1.5\npublished = "yes"\n',
        encoding="utf-8",
    )
    return path


def bring_to_its_end(recipe: Recipe, runs: Path) -> None:
    """All runs of a recipe, as a worker does them, in this process."""
    plan, folder = plan_of_recipes([recipe], "here"), SweepFolder(runs, "here")
    folder.session("here").parent.mkdir(parents=True)
    folder.session("here").touch()
    configs = tuple(plan.config(run).model_dump() for run in plan.runs)
    outcomes = perform(Work(str(runs), "here", "here", plan.kind, configs))
    assert {outcome.result for outcome in outcomes} == {"finished"}


@pytest.mark.processes
def test_a_recipe_that_is_killed_half_way_gives_the_same_numbers(tmp_path):
    path = write_small(tmp_path, 600)
    one, other = tmp_path / "killed", tmp_path / "whole"
    words = [sys.executable, "-m", "experiments", "recipe", str(path), "--workers", "1", "--quiet", "--runs"]
    process = subprocess.Popen([*words, str(one)], start_new_session=True, stdout=subprocess.DEVNULL)
    name = read_recipe(path).config("gru", 0).identity()
    progress = one / name / "progress.json"
    while process.poll() is None and not (progress.exists() and '"step":0' not in progress.read_text()):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert open_run(one / name).progress.step < 600
    recipe = read_recipe(path)
    for runs in (one, other):
        bring_to_its_end(recipe, runs)
    again, at_once = outcome_of(recipe, one), outcome_of(recipe, other)
    assert [judged.values for judged in again.judged] == [judged.values for judged in at_once.judged]
    same(read_all(open_run(one / name), 0), read_all(open_run(other / name), 0))
    assert again.verdict == at_once.verdict
    html = html_of("small", [again])
    assert again.shown[0].examples[0].wanted in html
    assert "small: small" in markdown([again])


def test_the_page_of_results_keeps_the_sections_of_other_recipes(tmp_path):
    first, other = (outcome_of(recipe_of({**TRAINED, "title": title}, title), tmp_path) for title in ("one", "two"))
    page = markdown([other], markdown([first]))
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## one: one", "## two: two"]
    assert page.count("| one | one | not finished |") == page.count("| two | two | not finished |") == 1
    again = markdown([outcome_of(recipe_of({**TRAINED, "title": "new words"}, "one"), tmp_path)], page)
    assert "## one: new words" in again
    assert "## one: one" not in again
    assert markdown([other], markdown([first, other])) == page, "the same command writes the same page"


def test_a_drawing_shows_the_middle_and_the_spread_of_each_arm():
    given = {**TRAINED, "draw": [
        {"value": "loss", "title": "bars"},
        {"value": "solved", "statistic": "mean", "lines": {"all": {"elman": 1, "gru": 2.5}}},
    ]}  # fmt: skip
    recipe = recipe_of(given, "small")
    values = {"gru.loss": [1.0, 2.0, 9.0], "elman.loss": [3.0], "gru.solved": [0.0, 1.0], "elman.solved": [1.0, 1.0]}
    bars, line = (drawn(one, values, recipe.arms, {"gru": "#000", "elman": "#fff"}, "x") for one in recipe.drawings)
    assert bars.columns["loss"] == [2.0, 3.0]
    first = bars.figure.data[0]
    assert (first.error_y.array[0], first.error_y.arrayminus[0]) == (7.0, 1.0)
    assert (line.columns["place"], line.columns["solved"]) == ([1.0, 2.5], [1.0, 0.5])


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (3, "draw was 3; it must be [[draw]] tables"),
        ({"value": "los"}, "a [[draw]] is about 'los'; it must be a quantity: loss"),
        ({"value": "loss", "lines": {"all": {"lstm": 1}}}, "a line has the arm 'lstm'; it must be one of gru, elman"),
        ({"value": "loss", "lines": {"all": 1}}, "the line 'all' was 1; it must give each arm a number"),
    ],
)
def test_a_mistake_in_a_drawing_is_one_sentence(draw, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        recipe_of({**TRAINED, "draw": [draw]}, "small")


def test_runs_that_are_not_there_leave_a_recipe_unfinished(tmp_path):
    outcome = outcome_of(recipe_of(TRAINED, "small"), tmp_path)
    assert (outcome.verdict, outcome.missing) == ("not finished", 4)


def words_of(monkeypatch, **settings):
    """The examples of a fresh network, as the page shows them."""
    monkeypatch.setattr(measured, "FRESH", 6)
    monkeypatch.setattr(measured, "PART", 3)
    training = Training(RunConfig(hidden_size=4, batch_size=2, **settings), "reference")
    answers = measured.answer(training)
    return training, answers, examples_of(training, answers)


def test_the_language_that_is_wanted_is_that_of_the_country(monkeypatch):
    _, _, examples = words_of(monkeypatch, task="france", seq_len=3)
    for example in examples:
        country = example.given.split()[4]
        assert example.wanted == LANGUAGES[country]
        assert example.right == (example.said == example.wanted)


def test_a_translation_is_of_the_number_that_is_read(monkeypatch):
    _, _, examples = words_of(monkeypatch, task="translation", network="encoder_decoder", seq_len=3)
    french = {spoken(n, "en"): spoken(n, "fr") for n in range(3000)}
    known = [example for example in examples if example.given in french]
    assert known
    assert all(example.wanted == f"{french[example.given]} ." for example in known)


def spoken(number: int, language: str) -> str:
    return re.sub(r"[-,]", " ", num2words(number, lang=language)).replace("  ", " ")


def test_the_wanted_characters_are_the_text_one_place_on(monkeypatch):
    training, _, examples = words_of(monkeypatch, task="next_character", text_file="hello", seq_len=7)
    assert all(example.wanted[:-1] == example.given[1:] for example in examples)
    written = sample_text(training)
    assert len(written) == WRITTEN
    assert set(written) <= set("helo")


def test_a_ball_is_drawn_where_it_was(monkeypatch):
    training, answers, examples = words_of(monkeypatch, task="ball", seq_len=5)
    picture = example_pictures(training, answers)[0]
    assert picture.columns["true x"] == pytest.approx(answers.targets[-10:, 0, 0].tolist())
    x, y = answers.targets[-10, :, 0].tolist()
    assert examples[0].wanted.startswith(f"({x:.3g}, {y:.3g})")


def test_accuracy_and_exact_sequences_are_counted(monkeypatch):
    _, answers, _ = words_of(monkeypatch, task="reversal", network="encoder_decoder", seq_len=2)
    right = answers.said.argmax(-1) == answers.targets
    assert answers.accuracy == pytest.approx(right.double().mean().item())
    assert answers.whole.tolist() == [all(column) for column in right.T.tolist()]


def test_a_share_is_the_mean_over_the_seeds():
    solved = {"ours": [0.0, 0.0, 1.0, 1.0, 1.0]}
    assert judge(expected(at_least=0.6, statistic="mean"), solved).holds
    assert not judge(expected(at_least=0.61, statistic="mean"), solved).holds
    assert judge(expected(at_least=1.0), solved).holds, "the median is 1"
    claim = judge(expected(at_most="other", times=0.5, statistic="mean"), {"ours": [0.0, 1.0], "other": [1.0, 1.0]})
    assert (claim.middle, claim.bound) == (0.5, 0.5)
    assert claim.holds


@pytest.mark.parametrize("path", FILES, ids=NAMED)
def test_the_full_version_has_the_same_arms_and_perhaps_more(path):
    thinned, full = read_recipe(path), read_recipe(path, "full")
    assert list(full.arms)[: len(thinned.arms)] == list(thinned.arms)
    assert all(full.config(arm, 0).steps >= thinned.config(arm, 0).steps for arm in thinned.arms)


def test_a_version_changes_fields_and_adds_arms():
    given = {**TRAINED, "full": {"seeds": 7, "steps": 9, "arms": {"lstm": {"cell": "lstm", "hidden_size": 6}}}}
    recipe = recipe_of(given, "small", "full")
    assert (recipe.seeds, list(recipe.arms)) == (7, ["gru", "elman", "lstm"])
    assert [recipe.config(arm, 0).steps for arm in recipe.arms] == [9, 9, 9]
    assert [recipe.config(arm, 0).hidden_size for arm in recipe.arms] == [5, 5, 6]
    assert list(recipe_of(given, "small").arms) == ["gru", "elman"]
    with pytest.raises(ConfigError, match="--quick and --full were both given; leave one of them out"):
        call("recipe", "doya", "--quick", "--full")


def test_a_block_sees_each_influence_by_the_share_of_its_losses():
    """∂⁺ of the chain by finite differences over whole passes: the sign that truncated BPTT gives around `shortest`."""
    model = influence_balancing.network()
    for kind in ("blocks", "window"):
        k = influence_balancing.shortest(kind)
        signs = [influence_balancing.slope(model, 0.1, 1200, n, kind)[0] for n in (k - k // 5, k + k // 5)]
        error = influence_balancing.slope(model, 0.1, 1200, None, kind)[1]
        assert error < 0, "θ = .1 gives s¹ = −.6: it must fall"
        assert signs[0] < 0 < signs[1], kind


def test_full_bptt_of_the_chain_is_the_slope_of_its_loss():
    model, step = influence_balancing.network(), 1e-4
    errors = [influence_balancing.slope(model, theta, 400, None, "blocks")[1] for theta in (0.3 - step, 0.3 + step)]
    slope, error = influence_balancing.slope(model, 0.3, 400, None, "blocks")
    by_differences = (errors[1] ** 2 - errors[0] ** 2) / 2 / (2 * step)
    assert slope == pytest.approx(by_differences, rel=1e-3), "s¹ is at rest in the second half"
    assert error == pytest.approx(-6 * 0.3 - 1, rel=1e-6)


def test_the_spectra_are_those_of_the_recorded_steps(tmp_path):
    settings = {"task": "latch", "cell": "elman", "seq_len": 40, "hidden_size": 5, "batch_size": 4, "steps": 9,
                "record_every": 2, "evaluate_every": None, "floss_steps": 4, "floss_exponents": 3}  # fmt: skip
    train([Recorder.start(RunConfig.from_values(settings), tmp_path / "run")])
    run = open_run(tmp_path / "run")
    assert list(moments(run).items()) == [(1, "at the beginning"), (5, "after flossing"), (9, "at the end")]
    picture = spectra_picture("flossed", run)
    for step, when in moments(run).items():
        of_step = [
            y for line, y in zip(picture.columns["line"], picture.columns["nats per step"], strict=True)
            if line == f"step {step}, {when}"
        ]  # fmt: skip
        assert of_step == pytest.approx(recorded_probe(run, step).lyapunov.exponents.tolist())
