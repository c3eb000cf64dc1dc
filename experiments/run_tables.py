"""Runs as plain values and as tables for people."""

import time
from pathlib import Path
from typing import Any

from rich.table import Table

from experiments.config import ConfigError, RunConfig
from experiments.runs import RunSummary, typed
from experiments.store.reader import RunReader

COLUMNS = ("name", "status", "step", "loss", "created", "updated")


def as_json(summaries: list[RunSummary], where: dict[str, object], sort: str) -> list[dict[str, Any]]:
    """The runs that fit the filter, as plain values, sorted: times and steps with the largest first.

    Raises:
        ConfigError: a filter or an order by something that a run does not have.
    """
    allowed = [*COLUMNS, *RunConfig.model_fields]
    for word in (*where, sort):
        if word not in allowed:
            raise ConfigError(f"{word!r} is not something that runs have; it must be one of {', '.join(allowed)}.")
    rows = [plain(summary) for summary in summaries]
    rows = [row for row in rows if all(value_of(row, key) == value for key, value in where.items())]
    known = [row for row in rows if value_of(row, sort) is not None]
    unknown = [row for row in rows if value_of(row, sort) is None]
    largest_first = sort in ("created", "updated", "step")
    return sorted(known, key=lambda row: sortable(value_of(row, sort)), reverse=largest_first) + unknown


def plain(summary: RunSummary) -> dict[str, Any]:
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
        "config": None if summary.config is None else summary.config.model_dump(),
    }


def value_of(row: dict[str, Any], key: str) -> Any:
    """A column's value, or a setting's."""
    return row[key] if key in COLUMNS else (row["config"] or {}).get(key)


def sortable(value: Any) -> tuple[int, float, str]:
    """Numbers by size, then text."""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def table_of(rows: list[dict[str, Any]], runs: Path) -> Table:
    """The list for people."""
    table = Table(title=f"{len(rows)} runs in {runs}")
    for column in ("run", "task", "cell", "T", "status", "step", "loss", "chance", "age"):
        table.add_column(column)
    for row in rows:
        if row["problem"]:
            table.add_row(row["name"], "", "", "", "unreadable", row["problem"])
            continue
        config, loss = row["config"], row["loss"]
        ended = row["reason"] if row["status"] == "finished" else row["status"]
        table.add_row(
            row["name"], config["task"], config["cell"], str(config["seq_len"]), ended,
            f"{row['step']}/{config['steps']}", "" if loss is None else f"{float(loss):.3g}", f"{row['chance']:.3g}",
            age(row["created"]),
        )  # fmt: skip
    return table


def age(since: float) -> str:
    """How long ago, to one unit."""
    seconds = max(time.time() - since, 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def shown(run: RunReader) -> dict[str, Any]:
    """What `show` prints: where the run stands, its settings that are not the defaults, its events.

    Only what is missing or cut off is looked for; see `verify` for every checksum.
    """
    run = run.forgiving()
    p, events = run.progress, run.events()
    defaults = RunConfig()
    return {
        "run": run.name,
        "folder": str(run.folder),
        "status": run.status + (f" ({p.reason})" if p.reason else ""),
        "step": f"{p.step} of {run.config.steps}",
        "recorded steps": p.committed,
        "attempts": p.attempt,
        "seconds in steps": round(p.seconds, 3),
        "chance": run.chance,
        "latest": p.latest,
        "settings": {name: value for name, value in run.config if value != getattr(defaults, name)},
        "events": [f"step {e['step']}: {e['text']}" for e in events],
        "arrays": {name: list(run.tensor(name).shape) for name in run.tensors},
        "missing or cut off": run.damage() or [*(run.missing or {}).values()],
        "to compare every checksum": typed(run.folder.parent, "verify", run.name),
    }
