"""Runs as plain values and as tables for people."""

import math
import time
from pathlib import Path
from typing import Any, get_args

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.wording import counted
from experiments.commands.terminal import fits
from experiments.config.run_config import ConfigError, RunConfig
from experiments.config.words import bare, cut, shortened, visible
from experiments.runs.damage import plain_damage
from experiments.runs.findings import run_findings
from experiments.runs.folder import RunSummary, typed
from experiments.runs.opening import config_of
from experiments.runs.status import ENDED, describe_status
from experiments.runs.store.progress import Status
from experiments.runs.store.reader import RunReader
from experiments.tasks import ASKS, make_task
from experiments.training.batches import guess_accuracy

COLUMNS = ("name", "status", "step", "loss", "created", "updated")


def as_json(summaries: list[RunSummary], where: dict[str, object], sort: str) -> list[dict[str, Any]]:
    """The runs that fit the filter, as plain values, sorted: times and steps with the largest first.

    Raises:
        ConfigError: a filter or an order by something that a run does not have.
    """
    allowed = [*COLUMNS, *RunConfig.model_fields]
    for word in (*where, sort):
        if word not in allowed:
            raise ConfigError(f"{shortened(word)} is not a column of runs; it must be one of {', '.join(allowed)}.")
    for key, value in where.items():
        check_filter(key, value)
    rows = [summary_as_json(summary) for summary in summaries]
    rows = [row for row in rows if all(has(row, key, value) for key, value in where.items())]
    known = [row for row in rows if value_of(row, sort) is not None]
    unknown = [row for row in rows if value_of(row, sort) is None]
    largest_first = sort in ("created", "updated", "step")
    return sorted(known, key=lambda row: sortable(value_of(row, sort)), reverse=largest_first) + unknown


def check_filter(key: str, value: object) -> None:
    """Raise an error unless a run may have this value.

    Raises:
        ConfigError: no run may have it; the sentence says which values are allowed.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key == "status" and value not in STATUSES:
        raise ConfigError(f"status was {shortened(value)}; it must be one of {', '.join(STATUSES)}.")
    if key in ("step", "loss", "created", "updated") and not number:
        raise ConfigError(f"{key} was {shortened(value)}; it must be a number.")
    if key in RunConfig.model_fields:
        RunConfig.from_values({key: value})  # its sentence


def has(row: dict[str, Any], key: str, value: object) -> bool:
    """Whether a run has the value; a finished run's status is `finished` and, it may be, `solved` or `diverged`."""
    if key == "status":
        return value in (status_of(row), None if row["problem"] else row["status"])
    if key == "name":
        return bool(row["name"] == bare(value))
    if key == "loss":  # inf and nan are text in the record, and nan is not equal to itself
        loss = None if row["loss"] is None else float(row["loss"])
        return loss is not None and (loss == value or (loss != loss and value != value))
    if key in RunConfig.model_fields:
        if row["config"] is None:
            return False
        value = getattr(RunConfig.from_values({key: value}), key)  # in the one spelling that runs keep
    return bool(value_of(row, key) == value)


def summary_as_json(summary: RunSummary) -> dict[str, Any]:
    """One run as JSON has it; `loss` is that of the last evaluation, or of the last batch where there was none."""
    latest = summary.latest
    return {
        "name": summary.name,
        "status": summary.status,
        "reason": summary.reason,
        "step": summary.step,
        "recorded": summary.recorded,
        "loss": latest.get("evaluation_loss", latest.get("loss")),
        "accuracy": latest.get("evaluation_accuracy", latest.get("accuracy")),
        "chance": summary.chance,
        "seconds": summary.seconds,
        "created": summary.created,
        "updated": summary.updated,
        "problem": summary.problem,
        "title": summary.title,
        "steps": summary.steps,
        "config": None if summary.config is None else summary.config.model_dump(),
    }


def value_of(row: dict[str, Any], key: str) -> Any:
    """A column's value, or a setting's."""
    return row[key] if key in COLUMNS else (row["config"] or {}).get(key)


def sortable(value: Any) -> tuple[int, float, str]:
    """Numbers by size, then text."""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


COLUMNS_SHOWN = ("run", "task", "cell", "T", "status", "step", "loss", "chance", "age")
DROPPED = ("chance", "age", "T", "task", "cell", "loss")
"""Columns that a narrow terminal goes without, in this order; runs, statuses and steps are always whole."""


def print_list(to: Console, rows: list[dict[str, Any]], runs: Path) -> None:
    """The list for people: a table, and below it why a run cannot be read."""
    to.print(f"{counted(len(rows), 'run')} in {runs}", soft_wrap=True, markup=False, highlight=False)
    if not rows:
        return
    lines = [line_of(row) for row in rows]
    for count in range(len(DROPPED) + 1):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        kept = [name for name in COLUMNS_SHOWN if name not in DROPPED[:count]]
        for name in kept:
            table.add_column(name, overflow="fold")
        for line in lines:
            table.add_row(*(line.get(name, "") for name in kept))
        if fits(to, table):
            break
    to.print(table)
    for row in rows:
        if row["problem"]:
            to.print(
                visible(f"run {row['name']} cannot be read: {row['problem']}"),
                soft_wrap=True,
                markup=False,
                highlight=False,
            )


def line_of(row: dict[str, Any]) -> dict[str, str]:
    """A run's line: column → text. A run that cannot be read has only its name and a note."""
    if row["problem"]:
        return {"run": row["name"], "status": status_of(row)}
    config, loss = row["config"] or {}, row["loss"]
    return {
        "run": row["name"],
        "task": config.get("task") or escape(visible(cut(row["title"]))),
        "cell": config.get("cell", ""),
        "T": str(config.get("seq_len", "")),
        "status": status_of(row),
        "step": str(row["step"]) if row["steps"] is None else f"{row['step']}/{row['steps']}",
        "loss": "" if loss is None else f"{float(loss):.3g}",
        "chance": "" if math.isnan(row["chance"]) else f"{row['chance']:.3g}",
        "age": age(row["created"]),
    }


STATUSES = (*get_args(Status), "solved", "diverged", "unreadable")
"""Statuses that a list may be limited to."""


def status_of(row: dict[str, Any]) -> str:
    """A run's status in the list: `finished` runs may have solved their task or diverged."""
    if row["problem"]:
        return "unreadable"
    return ENDED.get(row["reason"], "finished") if row["status"] == "finished" else str(row["status"])


def age(since: float) -> str:
    """The time since then, in one unit."""
    seconds = max(time.time() - since, 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def shown(run: RunReader) -> dict[str, Any]:
    """The output of `show`: the run's progress, its settings that are not the defaults, and its events.

    Only what is missing or cut off is looked for; see `verify` for every checksum.
    """
    run = run.forgiving()
    p, events = run.progress, run.events()
    config = config_of(run) if run.description.kind == "configuration" else None
    defaults = RunConfig()
    return {
        "run": run.name,
        "title": run.title,
        "folder": str(run.folder),
        "status": describe_status(run.status, p.reason),
        "step": str(p.step) if run.steps is None else f"{p.step} of {run.steps}",
        "recorded steps": p.committed,
        "attempts": p.attempt,
        "seconds in steps": round(p.seconds, 3),
        "chance": "not known" if math.isnan(run.chance) else run.chance,
        "latest": p.latest,
        "accuracy counts": describe_accuracy(config) if config else "",
        "findings": [f"{f.title}. {f.evidence}" for f in run_findings(run)],
        "settings": {name: value for name, value in run.settings.items() if value != getattr(defaults, name, None)},
        "events": [f"step {e['step']}: {e['text']}" for e in events],
        "arrays": {name: list(run.tensor(name).shape) for name in run.tensors},
        "missing or cut off": plain_damage(run) or [*(run.missing or {}).values()],
        "to compare every checksum": typed(run.folder.parent, "verify", run.name),
    }


def describe_accuracy(config: RunConfig) -> str:
    """The meaning of a run's accuracy, and the accuracy of a guess if the task can be made here."""
    try:
        task = make_task(config)
        guess = guess_accuracy(config, task)
    except ConfigError:  # its file is on another machine, or a stranger's code
        return ASKS.get(config.task, "")
    return f"{task.asks}; a guess is right in {guess:.3g} of the cases"
