"""The table of published experiments on the page Learn."""

from pathlib import Path

from learning import PAGE
from streamlit.testing.v1 import AppTest

from dashboard.learn import recipes as shown
from dashboard.lessons.recipes import RECIPES
from dashboard.lessons.registry import BY_NUMBER
from experiments.recipes.recipe import find_recipe, recipe_files


def test_every_published_result_belongs_to_a_lesson():
    named = [name for names in RECIPES.values() for name in names]
    assert sorted(named) == sorted({path.stem for path in recipe_files("papers")})
    assert set(RECIPES) <= set(BY_NUMBER)


def test_the_runs_of_a_recipe_are_those_that_exist(tmp_path, monkeypatch):
    monkeypatch.setattr(shown, "RUNS", Path(tmp_path))
    recipe = find_recipe("forget-bias")
    assert shown.runs_of(recipe) == []
    name = recipe.config("gru", 0).identity()
    (tmp_path / name).mkdir()
    assert shown.runs_of(recipe) == [name]
    assert shown.runs_of(find_recipe("doya")) == []


def test_the_page_gives_the_command_of_each_recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(shown, "RUNS", Path(tmp_path))
    (tmp_path / find_recipe("chung").config("gru", 0).identity()).mkdir()
    app = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not app.exception
    assert [button.label for button in app.button if button.key and button.key.startswith("runs-of-")] == [
        "Open its runs"
    ]
    commands = [code.value for code in app.code]
    for name in (name for names in RECIPES.values() for name in names):
        assert f"python -m experiments recipe {name}" in commands
        assert any(find_recipe(name).title in text.value for text in app.markdown)
