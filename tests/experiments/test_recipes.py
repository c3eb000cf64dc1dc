"""Recipes: their verdicts, their files and versions, their drawings, and the short version of the cheapest."""

import math
import re

import pytest
from commanding import call
from small_recipe import TRAINED

from experiments.commands.recipe_command import recipe_command
from experiments.errors import ConfigError
from experiments.recipes.drawing import drawn
from experiments.recipes.expectation import Expectation, decide, judge
from experiments.recipes.outcome import colours_of, outcome_of
from experiments.recipes.recipe import GROUPS, find_recipe, read_recipe, recipe_files, recipe_of
from experiments.recipes.runs import plan_of_recipes
from experiments.recipes.tables import markdown

FILES = [path for group in GROUPS for path in recipe_files(group)]
NAMED = [path.stem for path in FILES]


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
        for arm, label in recipe.labels.items():
            assert recipe.config(arm, 1).seed == 1
            assert label[0].isupper(), f"{arm} has no label that a chart can show"
        assert len({*colours_of(recipe).values()}) == len(recipe.arms), "every arm has a colour of its own"
        assert all(line[0].isupper() for drawing in recipe.drawings for line in drawing.lines)
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
    assert "short version: no verdict on the claim" in " ".join(out.split())
    assert "confirmed" not in out
    assert "| not judged |" in table.read_text(encoding="utf-8"), "nor of a single claim"
    html = page.read_text(encoding="utf-8")
    assert html.count("plotly.js v") == 1, "plotly.js is there once"
    assert "src=" not in html.split("<script")[0]
    printed = "b₂ = −2.66 (read off Fig. 3); −2.6556 (from the formula)"
    assert f"| the lower fold | {printed} |" in table.read_text(encoding="utf-8")


def test_a_markdown_file_of_something_else_is_kept_and_refused_before_anything_runs(tmp_path):
    own = tmp_path / "notes.md"
    own.write_text("# My notes\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"--markdown was .*notes\.md', which is no page of recipes' results"):
        recipe_command(["doya"], quick=True, runs=tmp_path, markdown=own)
    assert own.read_text(encoding="utf-8") == "# My notes\n"
    assert [*tmp_path.iterdir()] == [own]


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
        {"value": "solved", "statistic": "mean"},
    ]}  # fmt: skip
    given["arms"] = {arm: {**fields, "label": arm.upper()} for arm, fields in TRAINED["arms"].items()}
    recipe = recipe_of(given, "small")
    values = {"gru.loss": [1.0, 2.0, 9.0], "elman.loss": [3.0], "gru.solved": [0.0, 1.0], "elman.solved": [1.0, 1.0]}
    colours = {"gru": "#000", "elman": "#fff"}
    bars, line, shares = (drawn(one, values, recipe.labels, colours, "x") for one in recipe.drawings)
    assert bars.columns["loss"] == [2.0, 3.0]
    first = bars.figure.data[0]
    assert [*first.x, first.marker.color] == ["GRU", "#000"]
    assert (first.error_y.array[0], first.error_y.arrayminus[0]) == (7.0, 1.0)
    assert (line.columns["place"], line.columns["solved"]) == ([1.0, 2.5], [1.0, 0.5])
    assert [bar.error_y.array for bar in shares.figure.data] == [None, None], "a mean has no spread"


def test_the_sources_line_is_drawn_dotted_beside_ours():
    lines, printed = {"all": {"elman": 1, "gru": 2.5}}, {"all": [[1, 0.5], [2, 0.25], [3, 0]]}
    draw = {"value": "solved", "x_title": "T", "statistic": "mean", "lines": lines, "printed": printed}
    recipe = recipe_of({**TRAINED, "draw": [draw]}, "small")
    picture = drawn(recipe.drawings[0], {"gru.solved": [1.0], "elman.solved": [0.0]}, recipe.labels, {}, "x")
    ours, source = picture.figure.data
    assert (source.name, source.line.dash, source.line.color) == ("all, source", "dot", ours.line.color)
    assert [*zip(source.x, source.y, strict=True)] == [(1, 0.5), (2, 0.25), (3, 0)]
    assert picture.columns["line"] == ["all"] * 2 + ["all, source"] * 3
    assert picture.columns["T"] == [1.0, 2.5, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (3, "draw was 3; it must be [[draw]] tables"),
        ({"value": "los"}, "a [[draw]] is about 'los'; it must be a quantity: loss"),
        ({"value": "loss", "lines": {"all": {"lstm": 1}}}, "a line has the arm 'lstm'; it must be one of gru, elman"),
        ({"value": "loss", "lines": {"all": 1}}, "the line 'all' was 1; it must give each arm a number"),
        ({"value": "loss", "printed": {"one": [[1, 2]]}}, "the printed line was 'one'; it must be one of the lines: "),
        ({"value": "loss", "lines": {"a": {"gru": 1}}, "printed": {"a": [1, 2]}}, "'a' was [1, 2]; it must be [[x, y]"),
        ({"value": "loss", "lines": {"a": {"gru": 1}}, "printed": {"a": [[1, True]]}}, "it must be [[x, y], …]."),
    ],
)
def test_a_mistake_in_a_drawing_is_one_sentence(draw, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        recipe_of({**TRAINED, "draw": [draw]}, "small")


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
