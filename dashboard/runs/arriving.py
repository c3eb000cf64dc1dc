"""What Runs shows where a visitor comes by an address."""

from dashboard.components.address import Arrival
from dashboard.components.link_parts import say_ignored
from dashboard.runs.kept import KEPT, MOST_CHOSEN
from dashboard.runs.table import set_chosen
from dashboard.train import jobs
from experiments.runs.folder import find_run, named_in
from experiments.runs.store.errors import RunError


def read_address(arrival: Arrival) -> list[str]:
    """Take the settings of an address by which the visitor has come; a sentence for each part of it that is wrong."""
    link = dict(arrival.link)
    if not arrival.has_come or not (link or arrival.by_history):
        return []
    asked = link.pop("run", "")
    wrong = KEPT.follow(link, {})
    said = say_ignored(wrong)
    names = named_in(asked)[:MOST_CHOSEN]
    if asked and not names:
        said.append("The address names no run: it must be the beginning of a run's id, not a path.")
    set_chosen([_whole_name(name) for name in names])
    return said


def _whole_name(name: str) -> str:
    """The name of the run that begins so; the beginning itself where none does, which the page then refuses."""
    try:
        return find_run(jobs.RUNS, name).name
    except RunError:
        return name
