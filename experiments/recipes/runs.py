"""The runs of recipes as one sweep: every arm with every seed, each configuration once."""

from collections.abc import Sequence

from experiments.config.run_config import RunConfig
from experiments.recipes.recipe import Recipe
from experiments.sweeps.plan import Plan, PlannedRun


def plan_of_recipes(recipes: Sequence[Recipe], name: str) -> Plan:
    """One sweep with all runs of these recipes, the seeds in turns, so that the first seed of all is there first."""
    most = max((recipe.seeds for recipe in recipes), default=0)
    configs = {
        config.identity(): config
        for seed in range(most)
        for recipe in recipes
        if seed < recipe.seeds
        for config in (recipe.config(arm, seed) for arm in recipe.arms)
    }
    dumps = [config.model_dump() for config in configs.values()]
    differ = [field for field in RunConfig.model_fields if len({repr(dump[field]) for dump in dumps}) > 1]
    axes = (*(field for field in differ if field != "seed"), *(("seed",) if "seed" in differ else ()))
    fixed = {key: value for key, value in dumps[0].items() if key not in axes} if dumps else {}
    runs = tuple(
        PlannedRun(identity, {field: getattr(config, field) for field in axes}) for identity, config in configs.items()
    )
    titles = "; ".join(recipe.title for recipe in recipes)
    return Plan(name, "run", titles, fixed, axes, runs, 0, {}, source_of(recipes))


def source_of(recipes: Sequence[Recipe]) -> str:
    """A comment in place of a sweep's file, since the recipes have files of their own."""
    return f"# The runs of: {', '.join(recipe.name for recipe in recipes)}\n"
