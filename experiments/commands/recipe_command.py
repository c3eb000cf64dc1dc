"""The command for recipes: list them, run them, and write what came out."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.commands.options import Runs, check_workers
from experiments.commands.run_commands import Quiet
from experiments.commands.terminal import output
from experiments.config.words import LARGEST_TOML, shortened, spelt_path, visible
from experiments.errors import ConfigError
from experiments.reading import read_bounded
from experiments.recipes.outcome import Outcome
from experiments.recipes.page import html_of
from experiments.recipes.perform import Workers, perform
from experiments.recipes.recipe import GROUPS, Recipe, Version, find_recipe, read_recipe, recipe_files
from experiments.recipes.tables import HEADING, HEADINGS, rows, verdict_words
from experiments.recipes.tables import markdown as markdown_of
from experiments.runs.folder import runs_folder, typed
from experiments.sweeps.folder import put

TITLES = {"papers": "Published results", "lectures": "The systems of the lectures"}


def recipe_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Names of recipes, papers or lectures for all of them, or TOML files."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short version, which says nothing about the claim.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="The source's own sizes, which take hours to days.")] = False,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes on this machine; default: one per core.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address of a running Dask scheduler.")
    ] = None,
    memory: Annotated[str, typer.Option(help="Memory limit of each worker on this machine, such as 2GiB.")] = "auto",
    retry: Annotated[bool, typer.Option("--retry-failed", help="Run failed runs again.")] = False,
    page: Annotated[
        Path | None, typer.Option(help="The HTML page to write; default: NAME.html beside the runs.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="A Markdown file of results; its other sections stay.")] = None,
    runs: Runs = None,
    quiet: Quiet = False,
) -> None:
    """Run published experiments and compare what comes out with what was published. Without a NAME: list them.

    After an interruption, the same command continues.
    """
    check_workers(workers, scheduler)
    if not names:
        print_list()
        return
    if quick and full:
        raise ConfigError("--quick and --full were both given; leave one of them out.")
    version: Version = "quick" if quick else "full" if full else "thinned"
    flags = [] if version == "thinned" else [version]
    recipes = chosen_recipes(names, version)
    if markdown is not None:
        earlier(markdown)  # what is wrong with it is said before hours of runs
    name = "-".join(["recipe", *(Path(n).stem for n in names), *flags])[:100]
    folder = runs_folder(runs)
    given: dict[str, object] = {
        "--workers": workers,
        "--scheduler": scheduler,
        "--memory": None if memory == "auto" else memory,
        "--page": page,
        "--markdown": markdown,
    }
    options = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    command = typed(folder, "recipe", *names, *options, *(f"--{flag}" for flag in flags))
    console = Console(stderr=True, quiet=quiet)
    minutes = sum(recipe.minutes for recipe in recipes)
    if full:
        console.print("the source's own sizes: hours to days on two cores; an estimate follows", highlight=False)
    elif not quick:
        console.print(f"about {minutes:g} minutes on two cores, if nothing has run yet", highlight=False)
    outcomes, stopped = perform(recipes, name, folder, Workers(workers, scheduler, memory), retry, console, command)
    if stopped:
        raise typer.Exit(130)
    print_outcomes(outcomes)
    title = ", ".join(TITLES.get(n, Path(n).stem) for n in names)
    write(page or folder / f"{name}.html", html_of(title, outcomes), "--page")
    if markdown is not None:
        write(markdown, markdown_of(outcomes, earlier(markdown)), "--markdown")
    if any(outcome.missing for outcome in outcomes):
        raise typer.Exit(1)


def chosen_recipes(names: list[str], version: Version = "thinned") -> list[Recipe]:
    """The recipes with these names, each once; a group's name stands for all of its recipes.

    Raises:
        ConfigError: there is no such recipe, its file has a mistake, or two files have one name.
    """
    wanted = [path for name in names for path in (map(str, recipe_files(name)) if name in GROUPS else [name])]
    recipes = [find_recipe(name, version) for name in dict.fromkeys(wanted)]
    found = [recipe.name for recipe in recipes]
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"the recipe {shortened(twice)} was named twice; name each once.")
    return recipes


def print_list() -> None:
    """Print every recipe with its cost."""
    for group in GROUPS:
        made = Table(title=TITLES[group] + f": recipe {group}")
        for heading in ("recipe", "minutes", "runs", "what it checks"):
            made.add_column(heading, overflow="fold")
        for path in recipe_files(group):
            recipe = read_recipe(path)
            made.add_row(recipe.name, f"{recipe.minutes:g}", str(len(recipe.arms) * recipe.seeds), escape(recipe.title))
        output().print(made)
    sys.stdout.write("The minutes are of two cores; --quick takes less than one, --full the source's own sizes.\n")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print a table for each recipe, and its verdict."""
    for outcome in outcomes:
        made = Table(title=escape(f"{outcome.recipe.name}: {verdict_words(outcome)}"))
        for heading in HEADINGS[1:]:
            made.add_column(heading, overflow="fold")
        for row in rows(outcome):
            made.add_row(*(escape(visible(cell)) for cell in row[1:]))
        output().print(made)


def earlier(path: Path) -> str:
    """The Markdown file as it was; empty where there is none.

    Raises:
        ConfigError: it cannot be read, or it is something else, which would be lost.
    """
    if not path.exists():
        return ""
    try:
        text = read_bounded(path, LARGEST_TOML).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"--markdown was {spelt_path(path)}, which cannot be read; name another file.") from None
    if text.strip() and not text.startswith(HEADING):
        raise ConfigError(
            f"--markdown was {spelt_path(path)}, which is no page of recipes' results, and its text would be lost; "
            "name another file."
        )
    return text


def write(path: Path, text: str, option: str) -> None:
    """Write a file as a whole, and say so.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        put(path, text.encode())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"{option} was {spelt_path(path)}; it must be a file that can be written ({reason})."
        ) from None
    sys.stdout.write(visible(f"written: {path}\n"))
