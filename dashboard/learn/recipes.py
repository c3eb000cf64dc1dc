"""The table of the published experiments behind the lessons, and links to their runs."""

import streamlit as st

from dashboard.lessons.recipes import RECIPES
from dashboard.lessons.registry import BY_NUMBER
from dashboard.runs.kept import MOST_CHOSEN
from dashboard.train.jobs import RUNS
from experiments.recipes.recipe import Recipe, find_recipe

COLUMNS = (2, 5, 3, 2)


def show_recipes() -> None:
    """A row per recipe: its lesson, what it checks, its command, and its finished runs."""
    with st.expander("Published results behind the lessons"):
        st.caption(
            "A command runs the experiment, compares it with what was published, and writes a page. The results that "
            "came out here are in docs/recipes.md."
        )
        for number, names in RECIPES.items():
            for name in names:
                _show_row(number, find_recipe(name))


def _show_row(number: int, recipe: Recipe) -> None:
    lesson, title, command, runs = st.columns(COLUMNS, vertical_alignment="center")
    lesson.markdown(f"{number} · {BY_NUMBER[number].title}")
    title.markdown(f"**{recipe.title}**")
    command.code(f"python -m experiments recipe {recipe.name}", language=None)
    names = runs_of(recipe)
    if names:
        if runs.button("Open its runs", key=f"runs-of-{recipe.name}"):
            st.switch_page("dashboard/runs/page.py", query_params={"run": ",".join(names)})
    else:
        runs.caption("measured without runs" if recipe.measure else "no runs here yet")


def runs_of(recipe: Recipe) -> list[str]:
    """The runs of seed 0 that exist here, as many as Runs lays over each other."""
    names = (recipe.config(arm, 0).identity() for arm in recipe.arms)
    return [name for name in names if (RUNS / name).is_dir()][:MOST_CHOSEN]
